//! Gives up what the asking thread has no need of.
//!
//! It must never change another thread's rights: the kernel keeps them by thread, the C library pretends that it does not (nptl(7)).

use std::io;

/// The account of nobody, which no file belongs to.
const NOBODY: u32 = 65_534;

/// `_LINUX_CAPABILITY_VERSION_3` of linux/capability.h.
const VERSION: u32 = 0x2008_0522;

/// CAP_NET_ADMIN, number 12 of capabilities(7).
const NET_ADMIN: u32 = 1 << 12;

#[repr(C)]
struct Header {
    version: u32,
    pid: i32,
}

#[repr(C)]
#[derive(Clone, Copy, Default)]
struct Data {
    effective: u32,
    permitted: u32,
    inheritable: u32,
}

/// Leaves this thread, and only this one, without capabilities and without a file-system identity that owns anything: its sockets are
/// nobody's, since a server may ask the kernel whose a loopback connection is (sock_diag(7)) and give root what it gives nobody else.
///
/// Its real and saved ids stay: were they nobody's, nobody's processes could send it signals, kill(2).
///
/// # Errors
/// When the kernel refuses; nobody is to be asked then.
pub fn drop_all() -> io::Result<()> {
    keep([Data::default(); 2])
}

/// The same, but that the thread may still mark its sockets (CAP_NET_ADMIN).
///
/// # Errors
/// When the kernel refuses, or this thread may not mark any.
pub fn drop_all_but_marking() -> io::Result<()> {
    let marking = Data { effective: NET_ADMIN, permitted: NET_ADMIN, inheritable: 0 };
    keep([marking, Data::default()])
}

fn keep(rights: [Data; 2]) -> io::Result<()> {
    // SAFETY: plain system calls on this thread's own credentials; the structures are those of capset(2) and live for the call.
    unsafe {
        if libc::geteuid() == 0 {
            if libc::syscall(libc::SYS_setgroups, 0, std::ptr::null::<u32>()) != 0 {
                return Err(io::Error::last_os_error());
            }
            libc::syscall(libc::SYS_setfsgid, NOBODY);
            libc::syscall(libc::SYS_setfsuid, NOBODY);
            // They report no errors: setting an impossible id tells the one in force, setfsuid(2).
            if libc::syscall(libc::SYS_setfsuid, -1) != i64::from(NOBODY) {
                return Err(io::Error::from_raw_os_error(libc::EPERM));
            }
        }
        let header = Header { version: VERSION, pid: 0 };
        if libc::syscall(libc::SYS_capset, &raw const header, rights.as_ptr()) != 0 {
            return Err(io::Error::last_os_error());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;

    use super::*;

    fn status(of: &str, field: &str) -> String {
        let text = std::fs::read_to_string(format!("/proc/{of}/status")).unwrap();
        text.lines().find_map(|line| line.strip_prefix(field)).unwrap().trim().to_owned()
    }

    #[test]
    fn one_thread_gives_up_everything_and_the_others_keep_it() {
        let before = status("self", "CapEff:");
        std::thread::spawn(|| {
            drop_all().unwrap();
            assert_eq!(status("thread-self", "CapEff:"), "0000000000000000");
            assert_eq!(status("thread-self", "CapPrm:"), "0000000000000000");
            if nix::unistd::geteuid().is_root() {
                assert!(status("thread-self", "Uid:").ends_with("65534"));
                let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
                let descriptor = std::os::fd::AsRawFd::as_raw_fd(&socket);
                // The socket's inode has the owner that its peers are told.
                assert_eq!(std::fs::metadata(format!("/proc/thread-self/fd/{descriptor}")).map(|facts| facts.uid()).ok(), Some(NOBODY));
                assert!(std::fs::read("/etc/shadow").is_err());
            }
        })
        .join()
        .unwrap();
        assert_eq!(status("self", "CapEff:"), before);
    }
}
