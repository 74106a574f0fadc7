//! The rules of the tree as tests: who imports whom, how long a file is, what lies where, what is never called.
//!
//! It must never build or run anything of the project: it reads its text.
#![allow(clippy::unwrap_used, reason = "a test may fail loudly, its helpers too")]

mod forbidden;
mod imports;
mod layout;
mod source;
