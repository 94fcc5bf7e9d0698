//! meterdeck: what a technician opens over SSH in a switchroom.
//!
//! The modules, in reading order: `domain` is pure; everything else is an edge around it.
//! `main → cli → {tui, service} → {poll, exchange} → {device, store, derive} → domain`, and `config → domain`.

pub mod cli;
pub mod config;
pub mod derive;
pub mod device;
pub mod dispatch;
pub mod domain;
pub mod exchange;
pub mod poll;
pub mod service;
pub mod store;
pub mod text;
pub mod tui;
