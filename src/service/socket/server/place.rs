//! Where the socket is, and who gets to it: the modes of the data folder and of the socket, whatever the umask.

use std::{
    fs::{self, Permissions},
    io,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

use nix::unistd::Group;
use rustix::fs::Gid;
use tokio::net::{UnixListener, UnixStream};

use super::super::path_in;
use crate::domain::site::Access;

/// The data folder where groups may come in, and where nobody else may.
const FOLDER_MODES: (u32, u32) = (0o750, 0o700);
/// The same of the socket.
const SOCKET_MODES: (u32, u32) = (0o660, 0o600);
/// Longest path of a socket, in bytes, as the system has it.
const MAX_PATH: usize = 107;
/// A folder of a service manager for sockets; the first one where there are several.
const RUNTIME_FOLDER: &str = "RUNTIME_DIRECTORY";

/// A socket that listens; removed when it is dropped, if it is still this one.
#[derive(Debug)]
pub struct Listener {
    socket: UnixListener,
    path: PathBuf,
    /// The link to it in the data folder, where it is elsewhere.
    link: Option<PathBuf>,
    inode: u64,
}

impl Listener {
    /// The next client.
    ///
    /// # Errors
    /// What the system says.
    pub async fn accept(&self) -> io::Result<UnixStream> {
        self.socket.accept().await.map(|(stream, _)| stream)
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let is_ours = fs::symlink_metadata(&self.path).is_ok_and(|found| found.ino() == self.inode);
        if is_ours {
            // Whoever follows replaces it anyway.
            let _ = fs::remove_file(&self.path);
            let _ = self.link.as_ref().map(fs::remove_file);
        }
    }
}

/// Makes the socket of a data folder and sees to the modes of both. Whoever calls it holds the folder's lock: a socket that
/// is there is a dead one, and is replaced in one step.
///
/// # Errors
/// What the system says; `InvalidFilename` for a path that is too long for a socket.
pub fn bind(dir: &Path, access: Option<&Access>) -> io::Result<Listener> {
    let group = access.and_then(|access| access.viewers.as_deref()).and_then(group);
    secure_folder(dir, group);
    let runtime = std::env::var(RUNTIME_FOLDER).ok();
    let runtime = runtime.as_deref().and_then(|folders| folders.split(':').next()).filter(|folder| !folder.is_empty());
    let at = path_in(dir);
    let Some(runtime) = runtime else {
        let (socket, inode) = bind_at(&at, group)?;
        return Ok(Listener { socket, path: at, link: None, inode });
    };
    let path = path_in(Path::new(runtime));
    let (socket, inode) = bind_at(&path, group)?;
    let new = new_name(&at);
    remove(&new)?;
    std::os::unix::fs::symlink(&path, &new)?;
    fs::rename(&new, &at)?;
    Ok(Listener { socket, path, link: Some(at), inode })
}

/// Makes another socket for the same group, somewhere else.
///
/// # Errors
/// As of [`bind`].
pub fn bind_beside(path: &Path, access: Option<&Access>) -> io::Result<Listener> {
    let group = access.and_then(|access| access.viewers.as_deref()).and_then(group);
    let (socket, inode) = bind_at(path, group)?;
    Ok(Listener { socket, path: path.to_owned(), link: None, inode })
}

/// Gives folder and socket to another group, after the site file was reloaded.
pub fn give_again(dir: &Path, access: Option<&Access>) {
    let group = access.and_then(|access| access.viewers.as_deref()).and_then(group);
    secure_folder(dir, group);
    if let Err(error) = secure(&path_in(dir), group, SOCKET_MODES) {
        tracing::error!("the mode of the socket in {} cannot be set: {error}", dir.display());
    }
}

/// Nobody finds the socket before it has its mode.
fn bind_at(path: &Path, group: Option<Gid>) -> io::Result<(UnixListener, u64)> {
    let new = new_name(path);
    if new.as_os_str().len() > MAX_PATH {
        let message = format!("the path of a socket has at most {MAX_PATH} bytes; choose a shorter data folder");
        return Err(io::Error::new(io::ErrorKind::InvalidFilename, message));
    }
    remove(&new)?;
    let listener = UnixListener::bind(&new)?;
    secure(&new, group, SOCKET_MODES)?;
    let inode = fs::symlink_metadata(&new)?.ino();
    fs::rename(&new, path)?;
    Ok((listener, inode))
}

fn new_name(path: &Path) -> PathBuf {
    path.with_added_extension("new")
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Gives a file its group and mode; where the group cannot be given, nobody else gets in.
fn secure(path: &Path, group: Option<Gid>, (open, closed): (u32, u32)) -> io::Result<()> {
    let given = group.map(|group| rustix::fs::chown(path, None, Some(group)));
    let mode = match given {
        Some(Ok(())) => open,
        Some(Err(error)) => {
            tracing::error!(
                "{} cannot be given to the group of [access] viewers ({error}): nobody else gets in. The user that runs \
                 the service must be a member of that group.",
                path.display()
            );
            closed
        }
        None => closed,
    };
    fs::set_permissions(path, Permissions::from_mode(mode))
}

/// Only a folder that is this program's alone: never one like /tmp, or somebody's home.
fn secure_folder(dir: &Path, group: Option<Gid>) {
    let is_ours = fs::read_dir(dir).is_ok_and(|entries| {
        entries.flatten().all(|entry| entry.file_name().to_string_lossy().starts_with("meterdeck."))
    });
    let Ok(found) = fs::metadata(dir) else { return };
    if !is_ours || found.uid() != rustix::process::geteuid().as_raw() {
        let mode = found.mode() & 0o777;
        if mode & 0o007 != 0 {
            tracing::warn!("others can look into the data folder {} (mode {mode:o})", dir.display());
        }
        if group.is_some_and(|group| found.gid() != group.as_raw() || mode & 0o050 != 0o050) {
            tracing::warn!("the group of [access] viewers does not get into the data folder {}", dir.display());
        }
        return;
    }
    if let Err(error) = secure(dir, group, FOLDER_MODES) {
        tracing::warn!("the mode of the data folder {} cannot be set: {error}", dir.display());
    }
}

fn group(name: &str) -> Option<Gid> {
    let found = Group::from_name(name).ok().flatten();
    if found.is_none() {
        tracing::error!("there is no group `{name}` ([access] viewers): nobody else gets in");
    }
    found.map(|group| Gid::from_raw(group.gid.as_raw()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::symlink_metadata(path).unwrap().mode() & 0o777
    }

    #[tokio::test]
    async fn a_dead_socket_is_replaced_and_a_foreign_folder_left_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
        let path = path_in(folder.path());
        drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
        let first = bind(folder.path(), None).unwrap();
        assert_eq!((mode(folder.path()), mode(&path)), (0o700, 0o600));
        UnixStream::connect(&path).await.unwrap();
        let second = bind(folder.path(), None).unwrap();
        drop(first);
        assert!(path.exists(), "the second one's stays");
        drop(second);
        assert!(!path.exists());
        fs::write(folder.path().join("letter.txt"), "").unwrap();
        fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
        let third = bind(folder.path(), None).unwrap();
        assert_eq!((mode(folder.path()), mode(&path)), (0o755, 0o600));
        drop(third);
        let long = folder.path().join("x".repeat(100));
        fs::create_dir(&long).unwrap();
        assert_eq!(bind(&long, None).unwrap_err().kind(), io::ErrorKind::InvalidFilename);
    }
}
