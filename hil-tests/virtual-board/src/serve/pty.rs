//! A pseudo terminal, for programs that want a serial port.

use std::fs::File;
use std::io::{self, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{Mode, OFlags, fcntl_setfl, open};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{OptionalActions, tcgetattr, tcsetattr};

use super::port::{BACKLOG, Outlet, PortId};
use super::server::{Message, ServeError};

/// How soon a thread sees that the server ends.
const GLANCE: Duration = Duration::from_millis(20);

/// The pty and its name; both go when dropped.
pub(super) struct Pty {
    path: PathBuf,
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    closing: AtomicBool,
    /// A program has the slave open. Without one nothing is written, or the next one would read old answers.
    in_use: AtomicBool,
}

impl Pty {
    pub(super) fn start<S: Send + 'static>(path: PathBuf, sender: Sender<Message<S>>) -> Result<Self, ServeError> {
        let (master, slave) = open_pair().map_err(|source| ServeError::Pty { source })?;
        put_name(&path, &slave).map_err(|source| ServeError::PtyName { path: path.clone(), source })?;
        let shared = Arc::new(Shared::default());
        let (pieces, outgoing) = sync_channel(BACKLOG);
        let outlet = Outlet { id: PortId(u64::MAX), name: format!("pty {}", path.display()), pieces };
        let mut pty = Self { path, shared, threads: Vec::new() };
        // Without an owner nobody listens: then this ends soon anyway.
        let _ = sender.send(Message::Joined(outlet));
        let writing = master.try_clone().map_err(|source| ServeError::Pty { source })?;
        pty.spawn("pty in", move |shared| read(master, shared, &sender))?;
        pty.spawn("pty out", move |shared| write(writing, shared, &outgoing))?;
        Ok(pty)
    }

    fn spawn(&mut self, name: &str, work: impl FnOnce(&Shared) + Send + 'static) -> Result<(), ServeError> {
        let shared = Arc::clone(&self.shared);
        let thread = std::thread::Builder::new().name(name.into()).spawn(move || work(&shared));
        self.threads.push(thread.map_err(|source| ServeError::Thread { source })?);
        Ok(())
    }
}

impl Drop for Pty {
    fn drop(&mut self) {
        self.shared.closing.store(true, Ordering::Relaxed);
        // Somebody may have removed it already.
        let _ = std::fs::remove_file(&self.path);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

/// A pty in raw mode: its master, and the name of its slave.
fn open_pair() -> io::Result<(File, PathBuf)> {
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY)?;
    grantpt(&master)?;
    unlockpt(&master)?;
    let name = ptsname(&master, Vec::new())?;
    let name = PathBuf::from(name.into_string().map_err(|_| io::Error::from(ErrorKind::InvalidData))?);
    // The mode stays when the slave is closed; the master then knows that nobody has it open.
    let slave = open(&name, OFlags::RDWR | OFlags::NOCTTY, Mode::empty())?;
    let mut mode = tcgetattr(&slave)?;
    mode.make_raw();
    tcsetattr(&slave, OptionalActions::Now, &mode)?;
    // A program that does not read must not stop the writer: what does not fit is lost, as on a serial port.
    fcntl_setfl(&master, OFlags::RDWR | OFlags::NONBLOCK)?;
    Ok((File::from(master), name))
}

/// A link at `path`; replaces a link that an earlier run left, and nothing else.
fn put_name(path: &Path, slave: &Path) -> io::Result<()> {
    if path.is_symlink() && !path.exists() {
        std::fs::remove_file(path)?;
    }
    std::os::unix::fs::symlink(slave, path)
}

fn read<S>(mut master: File, shared: &Shared, sender: &Sender<Message<S>>) {
    let mut buffer = [0; 4096];
    let glance = Timespec { tv_sec: 0, tv_nsec: GLANCE.as_nanos() as i64 };
    while !shared.closing.load(Ordering::Relaxed) {
        let mut descriptors = [PollFd::new(&master, PollFlags::IN)];
        // Interrupted: look again.
        let _ = poll(&mut descriptors, Some(&glance));
        let events = descriptors[0].revents();
        shared.in_use.store(!events.contains(PollFlags::HUP), Ordering::Relaxed);
        if events.contains(PollFlags::IN) {
            if let Ok(count @ 1..) = master.read(&mut buffer)
                && sender.send(Message::Bytes(buffer[..count].to_vec())).is_err()
            {
                return;
            }
        } else if events.contains(PollFlags::HUP) {
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

fn write(mut master: File, shared: &Shared, pieces: &Receiver<Vec<u8>>) {
    while !shared.closing.load(Ordering::Relaxed) {
        match pieces.recv_timeout(GLANCE) {
            Ok(piece) if shared.in_use.load(Ordering::Relaxed) => {
                // A program that closed it just now, or that does not read, does not get the rest.
                let _ = master.write_all(&piece);
            }
            Ok(_) | Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}
