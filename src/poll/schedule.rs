//! Which device is due when (pure): intervals, back-off and probes of one connection.
