//! Dispatch against simulated devices in virtual time: histories with faults, and every fault at every step.

mod faults;
mod histories;
mod rules;
mod world;
