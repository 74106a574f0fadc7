//! Fuzzing doors: the kernel's list of mounts, in which users choose names.
//!
//! It must never touch a mount.

use super::mounts::Mounts;
use crate::domain::fuzz::is_fit_to_be_seen;

/// Every line brings one mount at most, fit to be seen.
pub fn mountinfo(data: &[u8]) {
    for mount in Mounts::parse(data).all() {
        is_fit_to_be_seen(mount.mounted_on.as_str());
        is_fit_to_be_seen(mount.kind.as_str());
    }
}
