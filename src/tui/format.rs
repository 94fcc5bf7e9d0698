//! Numbers, units and ages as text.
