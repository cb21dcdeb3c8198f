//! A client of the mailboxes, one request at a time: a second reading of the protocol beside the host library's.

use protocol::boot_record::ImageRef;
use protocol::layout::{ERASED, PAGE_SIZE};
use protocol::mailbox::{
    CHUNK, CHUNK_REGISTERS, Chunk, Envelope, MAX_CHUNK, MAX_REQUEST, REQUEST, REQUEST_REGISTERS, RESPONSE,
    RESPONSE_REGISTERS,
};
use protocol::message::{Answer, Began, ChannelPolicy, Recovery, Refusal, Reply, Request, UnitStatus};
use protocol::modbus::exception::Exception;
use protocol::modbus::function::Function;

use crate::releases::Image;
use crate::rig::{Refused, Rig, accepted};

/// Longest time that a request is polled: an image is hashed and verified.
const POLLS: usize = 200;

/// Why a request was not done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Undone {
    /// The unit does not answer any more.
    Gone,
    /// The unit refuses.
    Refused(Refusal),
}

/// An open session.
pub(crate) struct Client {
    envelope: Envelope,
}

impl Client {
    /// Says hello.
    pub(crate) fn open(rig: &mut Rig) -> Self {
        let mut client = Self { envelope: Envelope { session: 0x5E55, sequence: 0 } };
        match client.call(rig, &Request::Hello) {
            Ok(Answer::Hello(_)) => client,
            other => panic!("{other:?}"),
        }
    }

    /// Says hello to a loader in recovery.
    pub(crate) fn open_recovery(rig: &mut Rig) -> (Self, Recovery) {
        let mut client = Self { envelope: Envelope { session: 0x0EC0, sequence: 0 } };
        match client.call(rig, &Request::Hello) {
            Ok(Answer::Recovery(recovery)) => (client, recovery),
            other => panic!("{other:?}"),
        }
    }

    /// Sends a request and polls for its reply.
    pub(crate) fn call(&mut self, rig: &mut Rig, request: &Request) -> Result<Answer, Undone> {
        self.envelope.sequence += 1;
        let mut payload = [0; MAX_REQUEST];
        let payload = request.emit(&mut payload).expect("requests fit their window");
        let mut window = [0; REQUEST_REGISTERS as usize * 2];
        let used = self.envelope.emit(payload, &mut window).expect("requests fit their window");
        write(rig, REQUEST, &window[..used])?;
        for _ in 0..POLLS {
            let response = rig.read_at(Function::ReadHoldingRegisters, RESPONSE, RESPONSE_REGISTERS);
            let words = response.map_err(gone)?;
            let bytes: Vec<u8> = words.into_iter().flat_map(u16::to_be_bytes).collect();
            let (envelope, payload) = Envelope::parse(&bytes).expect("the response window holds a message");
            assert_eq!(envelope, self.envelope);
            match Reply::parse(payload).expect("a reply") {
                Reply::Pending => rig.wait_ms(5),
                Reply::Done(answer) => return Ok(answer),
                Reply::Refused(refusal) => return Err(Undone::Refused(refusal)),
            }
        }
        panic!("{request:?} is still pending");
    }

    /// How the unit is.
    pub(crate) fn status(&mut self, rig: &mut Rig) -> UnitStatus {
        match self.call(rig, &Request::Status) {
            Ok(Answer::Status(status)) => status,
            other => panic!("{other:?}"),
        }
    }

    /// Arms a transfer.
    pub(crate) fn begin(&mut self, rig: &mut Rig, image: &Image) -> Result<Began, Undone> {
        match self.call(rig, &Request::Begin { manifest: image.signed.clone() })? {
            Answer::Began(began) => Ok(began),
            other => panic!("{other:?}"),
        }
    }

    /// Sends the first `pages` pages of an image, in order; a full unit is asked again. A page is written when it is
    /// whole, so the last one is filled up.
    pub(crate) fn send(rig: &mut Rig, tag: u8, image: &Image, pages: u8) -> Result<(), Undone> {
        let mut bytes = image.bytes.clone();
        bytes.resize(usize::from(pages) * PAGE_SIZE as usize, ERASED);
        for (number, data) in bytes.chunks(MAX_CHUNK).enumerate() {
            let mut window = [0; CHUNK_REGISTERS as usize * 2];
            let chunk = Chunk { tag, offset: (number * MAX_CHUNK) as u32, data };
            let used = chunk.emit(&mut window).expect("a chunk fits its window");
            write(rig, CHUNK, &window[..used])?;
        }
        Ok(())
    }

    /// Transfers a whole image.
    pub(crate) fn stage(&mut self, rig: &mut Rig, image: &Image) -> Result<ImageRef, Undone> {
        let began = self.begin(rig, image)?;
        Self::send(rig, began.tag, image, began.pages)?;
        match self.call(rig, &Request::Finish)? {
            Answer::Staged(staged) => Ok(staged.image),
            other => panic!("{other:?}"),
        }
    }

    /// Makes the staged image the trial. The unit restarts soon after.
    pub(crate) fn activate(&mut self, rig: &mut Rig) -> Result<Answer, Undone> {
        self.call(rig, &Request::Activate { channels: ChannelPolicy::RefuseWhileRunning })
    }
}

/// Writes a window with function 16; waits while the unit is busy.
fn write(rig: &mut Rig, window: u16, bytes: &[u8]) -> Result<(), Undone> {
    const BUSY: Refused = Refused::Exception(Exception::Busy.code());
    let mut request = vec![Function::WriteMultipleRegisters.code()];
    request.extend(window.to_be_bytes());
    request.extend((bytes.len() as u16 / 2).to_be_bytes());
    request.push(bytes.len() as u8);
    request.extend(bytes);
    for _ in 0..POLLS {
        match accepted(rig.ask(&request), Function::WriteMultipleRegisters) {
            Err(BUSY) => rig.wait_ms(5),
            written => return written.map(drop).map_err(gone),
        }
    }
    panic!("the unit is busy for ever");
}

fn gone(refused: Refused) -> Undone {
    match refused {
        Refused::Silent => Undone::Gone,
        Refused::Exception(code) => panic!("exception {code} at a window"),
    }
}
