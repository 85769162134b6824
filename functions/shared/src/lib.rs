//! What more than one of Portico's functions needs. A thing moves in here when a second function needs it, not before.
//!
//! Reading order: [`config`] and [`clock`] (what a function is given), [`errand`] (the
//! time that an invocation has), [`edge`] (whether a request came through it), [`http`] and [`error`] (how it answers a
//! client), [`contract`] (how checkout, orders and payments talk to each other), [`aws`] and
//! [`https`] (how they reach AWS, and everybody else).

pub mod aws;
pub mod clock;
pub mod command;
pub mod config;
pub mod contract;
pub mod cursor;
pub mod edge;
pub mod errand;
pub mod error;
pub mod http;
pub mod https;
pub mod identity;
pub mod ids;
pub mod money;
pub mod representation;
pub mod telemetry;
pub mod text;
pub mod transaction;
