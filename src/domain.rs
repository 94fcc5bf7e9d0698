//! The pure core: what a site is, what its devices say, what that means.
//!
//! Nothing in here knows a clock, a socket, a file or a screen; time comes in as a value.

pub mod alarm;
pub mod audit;
pub mod calendar;
pub mod chart;
pub mod computed;
pub mod cost;
pub mod counter;
pub mod dispatch;
pub mod duplicate;
pub mod energy;
pub mod fault;
pub mod formula;
pub mod ids;
pub mod interval;
pub mod live;
pub mod powermeter;
pub mod programme;
pub mod pue;
pub mod quantity;
pub mod reading;
pub mod readings;
pub mod record;
pub mod register;
pub mod rollup;
pub mod sample;
pub mod secret;
pub mod site;
pub mod standing;
pub mod unit;
