//! Sending a signal to one process of an instance: the user's hand does, which checks pid, start time and uid on a pidfd.
//!
//! It must never signal what the instance's account does not own, and never more than the one process.

use std::time::Duration;

use crate::domain::{Declared, ProcessKey, Signal};
use crate::error::{Error, Kind, Result};
use crate::hand::{Answer, Job};

use super::{ProcessSupervisor, identity_of};

/// How long the hand may take: it looks and sends.
const PATIENCE: Duration = Duration::from_secs(5);

/// Sends it.
pub fn signal(supervisor: &ProcessSupervisor, declared: &Declared, key: ProcessKey, signal: Signal) -> Result<()> {
    let job = Job::Signal { key: key.into(), signal: signal.number(), value: 0 };
    match supervisor.zygote.ask(&identity_of(declared), job, PATIENCE)? {
        Answer::Refused { errno, doing } => Err(refused(key, signal, errno, &doing)),
        Answer::Done | Answer::Called(_) | Answer::Survivors(_) => Ok(()),
    }
}

/// What a refusal means.
fn refused(key: ProcessKey, signal: Signal, errno: i32, doing: &str) -> Error {
    let cause = std::io::Error::from_raw_os_error(errno);
    let error = match errno {
        libc::ESRCH => Error::new(Kind::Busy, format!("not signalled. {key} has ended; {signal} went to nobody")),
        libc::EPERM | libc::EACCES => Error::new(Kind::NotPermitted, format!("not signalled. {key} is another account's")),
        _ => Error::failed(format!("not signalled. {doing} was refused")),
    };
    error.because(cause)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_says_whom_it_did_not_reach() {
        let key = ProcessKey { pid: 4711, start_time: 1 };
        let told = |errno| refused(key, Signal::Hangup, errno, "signalling");
        assert_eq!(told(libc::ESRCH).exit_code(), Kind::Busy.exit_code());
        assert!(told(libc::ESRCH).chain().contains("pid 4711 has ended"));
        assert_eq!(told(libc::EPERM).exit_code(), Kind::NotPermitted.exit_code());
        assert!(told(libc::EINVAL).chain().contains("signalling was refused"));
    }
}
