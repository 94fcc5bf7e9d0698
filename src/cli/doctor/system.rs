//! The machine: disk, clock, serial lines.

use std::{
    ffi::CString,
    fs, io,
    os::unix::fs::{FileTypeExt as _, MetadataExt as _},
    path::{Path, PathBuf},
};

use jiff::{Timestamp, civil::date, tz::TimeZone};
use nix::unistd::{Gid, Group, Uid, User, getgrouplist};

use super::Finding;
use crate::{config::Loaded, domain::site::Link};

/// Less than this, and a site's journal and database are in danger now.
const BAD_BYTES: u64 = 64 << 20;
/// Less than this lasts a large site (40 MB a day) for about a month.
const FEW_BYTES: u64 = 1 << 30;
/// Written by systemd-timesyncd when it has set the clock.
const TIMESYNCD: &str = "/run/systemd/timesync/synchronized";
/// Where other programs that set the clock say that they run.
const CLOCK_KEEPERS: [(&str, &str); 3] = [
    ("/run/chrony/chronyd.pid", "chronyc tracking"),
    ("/run/ntpd.pid", "ntpq -p"),
    ("/run/openntpd.pid", "ntpctl -s status"),
];

/// Of the machine.
pub(super) fn look(dir: &Path, loaded: Option<&Loaded>) -> Vec<Finding> {
    let mut findings = vec![disk(dir), clock()];
    findings.extend(loaded.into_iter().flat_map(|loaded| serial_lines(dir, loaded)));
    findings
}

fn disk(dir: &Path) -> Finding {
    const CHECK: &str = "disk";
    // The folder may not be there yet: then it is its parent's disk.
    let place = dir.ancestors().find(|place| place.exists()).unwrap_or(Path::new("/"));
    let found = match rustix::fs::statvfs(place) {
        Ok(found) => found,
        Err(error) => return Finding::unknown(CHECK, format!("{}: {error}", place.display())),
    };
    let free = found.f_bavail.saturating_mul(found.f_frsize);
    let says = format!("{} MB free at {}", free / 1_000_000, place.display());
    let to_do = "make room: `meterdeck backup` elsewhere, a shorter [storage] keep_samples, or a larger disk";
    if found.f_files > 0 && found.f_favail == 0 {
        Finding::bad(CHECK, format!("no file can be made at {}: its inodes are used up", place.display()))
            .with_to_do(to_do)
    } else if free < BAD_BYTES {
        Finding::bad(CHECK, says).with_to_do(to_do)
    } else if free < FEW_BYTES {
        Finding::warning(CHECK, says).with_to_do(to_do)
    } else {
        Finding::good(CHECK, says)
    }
}

/// The kernel knows whether the clock is set, but only tells by a call that this program does not make; who sets the clock
/// leaves marks.
fn clock() -> Finding {
    const CHECK: &str = "clock";
    let now = Timestamp::now();
    let built = date(2026, 1, 1).to_zoned(TimeZone::UTC).map_or(Timestamp::UNIX_EPOCH, |built| built.timestamp());
    if now < built {
        return Finding::bad(CHECK, format!("it says {now:.0}, which is over")).with_to_do("timedatectl set-ntp true");
    }
    if Path::new(TIMESYNCD).exists() {
        return Finding::good(CHECK, "systemd-timesyncd has set it");
    }
    match CLOCK_KEEPERS.iter().find(|(mark, _)| Path::new(mark).exists()) {
        Some((_, ask)) => Finding::unknown(CHECK, "another program sets it").with_to_do(format!("ask it: {ask}")),
        None => {
            Finding::unknown(CHECK, "nothing shows that anything sets it").with_to_do("timedatectl; or set up chrony")
        }
    }
}

fn serial_lines(dir: &Path, loaded: &Loaded) -> Vec<Finding> {
    let mut lines: Vec<&PathBuf> = Vec::new();
    for device in loaded.site.devices.values() {
        if let Link::ModbusRtu { serial, .. } = &device.link
            && !lines.contains(&serial)
        {
            lines.push(serial);
        }
    }
    let uid = fs::metadata(dir).map_or_else(|_| rustix::process::geteuid().as_raw(), |found| found.uid());
    lines.into_iter().map(|line| serial_line(line, uid)).collect()
}

/// Whether the user that runs the service reaches a line.
fn serial_line(path: &Path, uid: u32) -> Finding {
    const CHECK: &str = "serial line";
    let shown = path.display();
    let found = match fs::metadata(path) {
        Ok(found) => found,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let finding = Finding::bad(CHECK, format!("{shown} is not there"));
            return finding.with_to_do("plug the adapter in; name it by /dev/serial/by-id, which does not change");
        }
        Err(error) => return Finding::bad(CHECK, format!("{shown}: {error}")),
    };
    if !found.file_type().is_char_device() {
        return Finding::bad(CHECK, format!("{shown} is no device"))
            .with_to_do("name the line itself in the site file");
    }
    let Ok(Some(user)) = User::from_uid(Uid::from_raw(uid)) else {
        return Finding::unknown(CHECK, format!("{shown} is there; uid {uid} is nobody here"));
    };
    let name = CString::new(user.name.clone()).unwrap_or_default();
    let groups = getgrouplist(&name, user.gid).unwrap_or_default();
    let mode = found.mode();
    let is_open = uid == 0
        || (found.uid() == uid && mode & 0o600 == 0o600)
        || (groups.contains(&Gid::from_raw(found.gid())) && mode & 0o060 == 0o060)
        || mode & 0o006 == 0o006;
    if is_open {
        return Finding::good(CHECK, format!("{shown} is there, and {} may use it", user.name));
    }
    let group = Group::from_gid(Gid::from_raw(found.gid())).ok().flatten();
    let group = group.map_or_else(|| found.gid().to_string(), |group| group.name);
    let finding =
        Finding::bad(CHECK, format!("{shown} (group {group}, mode {:o}) is closed to {}", mode & 0o777, user.name));
    finding.with_to_do(format!("usermod --append --groups {group} {}, then restart the service", user.name))
}
