//! Who does something: the name that goes into logs and books.

use std::{fs, io::Read as _};

/// A larger list of users is not read; names come from elsewhere then.
const MAX_USERS_FILE: u64 = 1 << 20;

/// The name of the Unix user that this process runs as; `uid 1000` where the system's list of users does not say it.
pub fn user_name() -> String {
    let uid = rustix::process::getuid().as_raw();
    let mut users = String::new();
    let file = fs::File::open("/etc/passwd");
    // Without the list the number is the name.
    let _ = file.and_then(|file| file.take(MAX_USERS_FILE).read_to_string(&mut users));
    name_in(&users, uid).unwrap_or_else(|| format!("uid {uid}"))
}

/// The name of a user in a list of the form of `/etc/passwd`.
fn name_in(users: &str, uid: u32) -> Option<String> {
    let of_line = |line: &str| {
        let mut fields = line.split(':');
        let (name, number) = (fields.next()?, fields.nth(1)?);
        (number.parse() == Ok(uid) && !name.is_empty()).then(|| crate::text::clean(name))
    };
    users.lines().find_map(of_line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_found_by_number() {
        let users = "root:x:0:0::/root:/bin/sh\nbroken\nada:x:1000:1000:Ada,,,:/home/ada:/bin/bash\n";
        assert_eq!(name_in(users, 1000).as_deref(), Some("ada"));
        assert_eq!(name_in(users, 7), None);
        assert!(!user_name().is_empty());
    }
}
