//! Simulated devices on loopback: plausible load, and every way to misbehave.
