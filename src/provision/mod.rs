//! What is to change in a user's files, worked out before anything is touched.
//!
//! Pure. It must never open a file: a hand writes, as the user.

mod edit;
mod port_file;
mod write;

pub use edit::{Edit, env_port, json_port};
pub use port_file::{LONGEST as LONGEST_PORT_FILE, port_file, port_text, untrue};
pub use write::{env_text, json_text};
