//! The shop, tested through its front door: every test speaks HTTP to a running shop and reads like what it proves.
//!
//! `shop` starts one, `client` speaks to it and checks on every answer what one forgets; the other modules are
//! journeys. With `API_URL` set the same suite aims at a deployment (its throttles raised out of the way; `deployed` says
//! what else it needs), with `DYNAMODB_URL` set each test's shop keeps its tables in that DynamoDB.

// A test fails by panicking, in what it shares with others too.
#![allow(clippy::expect_used, clippy::unwrap_used)]

mod access;
mod accounts;
mod attacks;
mod attempts;
mod audit;
mod books;
mod cancel;
mod catalogue;
mod client;
mod closing;
mod concurrency;
mod conditions;
mod cors;
mod deployed;
mod direct;
mod discovery;
mod edge;
mod elsewhere;
mod erasure;
mod events;
mod forms;
mod front_door;
mod fulfilment;
mod hangs;
mod keeping;
mod lines;
mod logs;
mod matrix;
mod orders;
mod password_rules;
mod passwords;
mod products;
mod protocol;
mod provider;
mod quotas;
mod reconcile;
mod record;
mod refusals;
mod replays;
mod resolve;
mod secrets;
mod sessions;
mod shop;
mod soak;
mod steps;
mod stripe;
mod tables;
mod transport;
