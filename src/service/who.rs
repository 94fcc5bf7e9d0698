//! Who does something: the name that goes into logs and books, and where they came from.

use nix::unistd::{Uid, User};

use crate::text;

/// A claimed address is no longer than this: an IPv6 address with a zone is shorter.
const MAX_ADDRESS_LENGTH: usize = 64;

/// Somebody who asks something of the service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    /// Their Unix user.
    pub uid: u32,
    /// That user's name; `uid 1000` where the system does not know it.
    pub name: String,
    /// From which address they came over SSH, as their program says: a claim, nothing is decided by it.
    pub address: Option<String>,
    /// They are in the service's own process.
    pub in_process: bool,
}

impl Peer {
    /// The user of this process, in this process.
    pub fn own() -> Self {
        Self { in_process: true, ..Self::of(rustix::process::geteuid().as_raw(), claimed_address()) }
    }

    /// A user in another process. Asks the system's list of users, which may wait for a network.
    pub fn of(uid: u32, address: Option<String>) -> Self {
        let address = address.map(|address| text::clean_within(&address, MAX_ADDRESS_LENGTH));
        Self { uid, name: name_of(uid), address, in_process: false }
    }

    /// Whether they are the user that runs the service, or root, who can be that user anyway.
    pub fn is_owner(&self) -> bool {
        self.in_process || self.uid == 0 || self.uid == rustix::process::geteuid().as_raw()
    }
}

/// The name of the Unix user that this process runs as.
pub fn user_name() -> String {
    name_of(rustix::process::geteuid().as_raw())
}

/// Where this process's person came from over SSH, as the environment says.
pub fn claimed_address() -> Option<String> {
    let connection = std::env::var("SSH_CONNECTION").ok()?;
    connection.split_whitespace().next().map(str::to_owned)
}

fn name_of(uid: u32) -> String {
    let known = User::from_uid(Uid::from_raw(uid)).ok().flatten();
    known.map(|user| text::clean(&user.name)).filter(|name| !name.is_empty()).unwrap_or_else(|| format!("uid {uid}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_and_claims_are_cleaned() {
        assert_eq!(Peer::of(0, None).name, "root");
        assert_eq!(Peer::of(4_000_000_001, None).name, "uid 4000000001");
        assert_eq!(Peer::of(0, Some("10.0.0.1\u{1b}[2J".to_owned())).address.as_deref(), Some("10.0.0.1[2J"));
        assert!(!user_name().is_empty() && Peer::own().is_owner() && !Peer::of(4_000_000_001, None).is_owner());
    }
}
