//! The shop on one machine: an HTTP API gateway that reads `template.yaml`, an embedded DynamoDB, the functions in
//! process. [`shop::Shop`] is all of it together; [`cli`] is how a person starts it.

pub mod audit;
pub mod base;
pub mod bootstraps;
pub mod catalogue;
pub mod chaos;
pub mod check;
pub mod cli;
pub mod database;
pub mod edge;
pub mod environment;
pub mod functions;
pub mod gateway;
pub mod invoke;
pub mod keys;
pub mod mounted;
pub mod output;
pub mod record;
pub mod remote;
pub mod replay;
pub mod schedules;
pub mod screen;
pub mod seed;
pub mod server;
pub mod shop;
pub mod signals;
pub mod tables;
pub mod template;
mod unverified;

pub use shared::config::Error;
