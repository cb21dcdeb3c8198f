//! RTU over TCP: the bytes of the line, and nothing else.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use super::port::{BACKLOG, Outlet, PortId};
use super::server::{Message, ServeError};

/// A client that takes no byte for so long is hung up on.
const TOO_SLOW: Duration = Duration::from_secs(5);

/// Listens until dropped.
pub(super) struct Listener {
    address: SocketAddr,
    clients: Arc<Mutex<Clients>>,
    acceptor: Option<JoinHandle<()>>,
}

/// Who is connected.
#[derive(Default)]
struct Clients {
    closing: bool,
    streams: HashMap<u64, TcpStream>,
}

impl Listener {
    pub(super) fn start<S: 'static>(address: SocketAddr, sender: Sender<Message<S>>) -> Result<Self, ServeError> {
        let failed = |source| ServeError::Listen { address, source };
        let listener = TcpListener::bind(address).map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let clients = Arc::new(Mutex::new(Clients::default()));
        let shared = Arc::clone(&clients);
        let acceptor = std::thread::Builder::new()
            .name("accept".into())
            .spawn(move || accept(&listener, &shared, &sender))
            .map_err(|source| ServeError::Thread { source })?;
        Ok(Self { address, clients, acceptor: Some(acceptor) })
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Listener {
    /// Lets the clients go; what was sent to them before is on its way.
    fn drop(&mut self) {
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        clients.closing = true;
        for stream in clients.streams.values() {
            // One that has gone already needs no goodbye.
            let _ = stream.shutdown(Shutdown::Both);
        }
        drop(clients);
        // The acceptor waits for a client: be the last one.
        let woken = TcpStream::connect(self.address).is_ok();
        if let Some(acceptor) = self.acceptor.take().filter(|_| woken) {
            let _ = acceptor.join();
        }
    }
}

fn accept<S: 'static>(listener: &TcpListener, clients: &Arc<Mutex<Clients>>, sender: &Sender<Message<S>>) {
    for (number, stream) in (0..).zip(listener.incoming()) {
        if clients.lock().unwrap_or_else(PoisonError::into_inner).closing {
            return;
        }
        // A client that is gone before it was served, or a machine out of descriptors: the next one may fare better.
        let Ok(stream) = stream else {
            std::thread::sleep(Duration::from_millis(10));
            continue;
        };
        let _ = serve(stream, number, clients, sender);
    }
}

/// Starts the two threads of a client.
fn serve<S: 'static>(
    stream: TcpStream,
    number: u64,
    clients: &Arc<Mutex<Clients>>,
    sender: &Sender<Message<S>>,
) -> std::io::Result<()> {
    // An answer of a few bytes must not wait for more.
    stream.set_nodelay(true)?;
    stream.set_write_timeout(Some(TOO_SLOW))?;
    let name = stream.peer_addr()?.to_string();
    let (reading, writing) = (stream.try_clone()?, stream.try_clone()?);
    let (pieces, outgoing) = sync_channel(BACKLOG);
    let id = PortId(number);
    if sender.send(Message::Joined(Outlet { id, name, pieces })).is_err() {
        return Ok(());
    }
    clients.lock().unwrap_or_else(PoisonError::into_inner).streams.insert(number, stream);
    let (clients, sender) = (Arc::clone(clients), sender.clone());
    std::thread::Builder::new().name("client out".into()).spawn(move || write(writing, &outgoing))?;
    std::thread::Builder::new().name("client in".into()).spawn(move || {
        read(reading, &sender);
        clients.lock().unwrap_or_else(PoisonError::into_inner).streams.remove(&number);
        let _ = sender.send(Message::Left(id));
    })?;
    Ok(())
}

fn read<S>(mut stream: TcpStream, sender: &Sender<Message<S>>) {
    let mut buffer = [0; 4096];
    while let Ok(count @ 1..) = stream.read(&mut buffer) {
        if sender.send(Message::Bytes(buffer[..count].to_vec())).is_err() {
            return;
        }
    }
}

/// Ends when the server forgets the client, and hangs up.
fn write(mut stream: TcpStream, pieces: &Receiver<Vec<u8>>) {
    while let Ok(piece) = pieces.recv() {
        if stream.write_all(&piece).is_err() {
            break;
        }
    }
    let _ = stream.shutdown(Shutdown::Both);
}
