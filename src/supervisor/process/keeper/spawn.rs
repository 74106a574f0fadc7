//! Starting the server: its log opened as the user, a session of its own, nothing inherited.
//!
//! It must never run before the keeper has become the user.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::RawFd;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

use super::super::spec::Spec;

/// Opens the log as the user: appended to, never through a link, never a pipe or a file with a second name (THREATS A3, A5, A12).
pub fn open_log(path: &std::path::Path) -> io::Result<File> {
    if let Some(parent) = path.parent()
        && !parent.exists()
    {
        std::fs::DirBuilder::new().recursive(true).mode(0o750).create(parent)?;
    }
    let file = OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o640)
        .custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK | libc::O_NOCTTY)
        .open(path)?;
    let facts = file.metadata()?;
    if !facts.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file"));
    }
    if facts.nlink() != 1 {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it has a second name (hard link)"));
    }
    Ok(file)
}

/// Starts the server: its control group entered first, a session of its own, standard input from nowhere, both outputs in the log, umask 027, nothing inherited.
pub fn spawn(spec: &Spec, log: &File, entrances: Vec<RawFd>) -> io::Result<i32> {
    let (program, arguments) = spec.command.split_first().ok_or_else(|| io::Error::from_raw_os_error(libc::EINVAL))?;
    let open_files = spec.open_files;
    let mut command = Command::new(program);
    command
        .args(arguments)
        .env_clear()
        .envs(spec.environment.iter().map(|(name, value)| (name, value)))
        .current_dir(&spec.directory)
        .stdin(Stdio::null())
        .stdout(Stdio::from(log.try_clone()?))
        .stderr(Stdio::from(log.try_clone()?));
    // SAFETY: only async-signal-safe system calls between fork and exec (signal-safety(7)); no allocation.
    unsafe {
        command.pre_exec(move || {
            if libc::setsid() < 0 {
                return Err(io::Error::last_os_error());
            }
            // Before anything can be forked from it. What it may not enter does not hold it: the keeper sees that afterwards.
            for entrance in &entrances {
                libc::write(*entrance, c"0".as_ptr().cast(), 1);
            }
            libc::umask(0o027);
            let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
            if libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) == 0 {
                limit.rlim_cur = open_files.min(limit.rlim_max);
                libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit);
            }
            // A dump would hold the secrets of its environment.
            let none = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
            libc::setrlimit(libc::RLIMIT_CORE, &raw const none);
            // What is ignored stays ignored through an exec (execve(2)): the zygote is deaf to its terminal, Rust to SIGPIPE.
            // By the system call itself: the C library does not touch its own two, and all zeroes is SIG_DFL without flags.
            let default = [0u64; 4];
            for signal in 1..=64 {
                libc::syscall(libc::SYS_rt_sigaction, signal, default.as_ptr(), std::ptr::null_mut::<u64>(), 8);
            }
            let mut none: libc::sigset_t = std::mem::zeroed();
            libc::sigemptyset(&raw mut none);
            libc::sigprocmask(libc::SIG_SETMASK, &raw const none, std::ptr::null_mut());
            // Everything but the standard streams is closed by the exec, whoever forgot the flag: close_range(2).
            libc::syscall(libc::SYS_close_range, 3, u32::MAX, libc::CLOSE_RANGE_CLOEXEC);
            Ok(())
        });
    }
    Ok(command.spawn()?.id().cast_signed())
}
