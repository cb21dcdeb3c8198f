//! Puts an image into the idle slot: what differs is sent, in any order, until nothing differs (`boot:U2`).

use std::ops::Range;
use std::time::Duration;

use protocol::digest::PageHash;
use protocol::layout::{ERASED, PAGE_SIZE};
use protocol::mailbox::{self, CHUNK_REGISTERS, Chunk, MAX_CHUNK};
use protocol::message::{Answer, Began, MAX_PAGE_HASHES, Refusal, Request, Staging};
use protocol::modbus::exception::Exception;
use tokio::time::Instant;
use tracing::debug;

use super::report::Transferred;
use super::{Progress, UpdateError, Watch};
use crate::bundle::{Release, ReleaseImage};
use crate::bus::BusError;
use crate::session::{Session, SessionError};

const PAGE: usize = PAGE_SIZE as usize;
/// Times that what differs is sent. One is enough unless data is damaged on the way or flash does not hold it.
const ROUNDS: u32 = 5;
/// Restarts of the unit that one update puts up with.
const RESUMES: u32 = 3;
/// First and longest wait when the unit has no room: a page takes about 25 ms to erase and write.
const BUSY: (Duration, Duration) = (Duration::from_millis(2), Duration::from_millis(16));
/// Longest that a unit may have no room.
const BUSY_LIMIT: Duration = Duration::from_secs(10);

/// Arms the transfer, sends what differs, has the image verified. Starts over when the unit restarts meanwhile: what is in
/// place is not sent again.
pub(super) async fn stage(
    session: &mut Session,
    release: &Release,
    image: &ReleaseImage,
    watch: Watch<'_>,
) -> Result<Transferred, UpdateError> {
    let pages = Pages::of(release.bytes_of(image));
    let mut transferred = Transferred::new(pages.count(), image.manifest.length);
    for _ in 0..RESUMES {
        match stage_once(session, image, &pages, &mut transferred, watch).await {
            Err(error) if has_restarted(&error) => {
                debug!(%error, "resuming");
                let (bus, unit) = (session.bus().clone(), session.unit());
                *session = Session::meet(&bus, unit).await?.0;
            }
            result => return result.map(|()| transferred),
        }
    }
    stage_once(session, image, &pages, &mut transferred, watch).await.map(|()| transferred)
}

/// Whether the unit forgot session and transfer, and no other client took over.
fn has_restarted(error: &UpdateError) -> bool {
    let UpdateError::Session(SessionError::Refused { refusal, .. }) = error else { return false };
    matches!(refusal, Refusal::OtherSession { open: 0 } | Refusal::NoTransfer)
}

async fn stage_once(
    session: &mut Session,
    image: &ReleaseImage,
    pages: &Pages,
    transferred: &mut Transferred,
    watch: Watch<'_>,
) -> Result<(), UpdateError> {
    watch(Progress::Step("arming the transfer"));
    let began = begin(session, image).await?;
    if usize::from(began.pages) != pages.count() {
        let answer = Answer::Began(began);
        return Err(session.other_answer(&answer).into());
    }
    if began.staging == Staging::Complete {
        return Ok(());
    }
    let mut wrong = differing(session, pages, watch).await?;
    for _ in 0..ROUNDS {
        if wrong.is_empty() && finish(session, watch).await? {
            return Ok(());
        }
        transferred.round(wrong.len());
        send(session, began.tag, pages, &wrong, transferred, watch).await?;
        wrong = differing(session, pages, watch).await?;
    }
    if wrong.is_empty() && finish(session, watch).await? {
        return Ok(());
    }
    Err(UpdateError::Unstable { unit: session.unit(), pages: wrong.len(), rounds: ROUNDS })
}

async fn begin(session: &mut Session, image: &ReleaseImage) -> Result<Began, UpdateError> {
    let answer = session.ask(&Request::Begin { manifest: image.signed.clone() }).await?;
    match answer {
        Answer::Began(began) if began.slot == image.manifest.slot => Ok(began),
        other => Err(session.other_answer(&other).into()),
    }
}

/// Whether the unit found the image to be the one that its manifest describes.
async fn finish(session: &mut Session, watch: Watch<'_>) -> Result<bool, UpdateError> {
    watch(Progress::Step("verifying"));
    match session.ask(&Request::Finish).await {
        Ok(Answer::Staged(_)) => Ok(true),
        Ok(other) => Err(session.other_answer(&other).into()),
        // Our map said otherwise: a page changed since, or does not read the same twice.
        Err(SessionError::Refused { refusal: Refusal::ImageDiffers, .. }) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Pages whose content in flash is another one.
async fn differing(session: &mut Session, pages: &Pages, watch: Watch<'_>) -> Result<Vec<usize>, UpdateError> {
    watch(Progress::Step("comparing pages"));
    let mut wrong = Vec::new();
    for first in (0..pages.count()).step_by(MAX_PAGE_HASHES) {
        let map = session.page_map(first as u8, pages.count() as u8).await?;
        let differs =
            |(index, hash): (usize, &PageHash)| (*hash != pages.hashes[first + index]).then_some(first + index);
        wrong.extend(map.hashes.iter().enumerate().filter_map(differs));
    }
    Ok(wrong)
}

/// Sends pages and keeps the account, also of what was sent in vain.
async fn send(
    session: &Session,
    tag: u8,
    pages: &Pages,
    wrong: &[usize],
    transferred: &mut Transferred,
    watch: Watch<'_>,
) -> Result<(), UpdateError> {
    let mut done = 0;
    let started = Instant::now();
    let result = send_runs(session, tag, pages, wrong, &mut done, watch).await;
    transferred.sent(done, started.elapsed());
    result
}

/// Chunk after chunk: the next one leaves as soon as the one before is acknowledged.
async fn send_runs(
    session: &Session,
    tag: u8,
    pages: &Pages,
    wrong: &[usize],
    done: &mut u64,
    watch: Watch<'_>,
) -> Result<(), UpdateError> {
    let total = (wrong.len() * PAGE) as u64;
    watch(Progress::Sending { done: 0, total });
    for run in runs(wrong) {
        for offset in run.clone().step_by(MAX_CHUNK) {
            let end = (offset + MAX_CHUNK).min(run.end);
            let chunk = Chunk { tag, offset: offset as u32, data: &pages.bytes[offset..end] };
            if !send_chunk(session, &chunk).await? {
                // The unit knows no such transfer any more; the next question tells why.
                debug!(offset, "chunk refused");
                return Ok(());
            }
            *done += (end - offset) as u64;
            watch(Progress::Sending { done: *done, total });
        }
    }
    Ok(())
}

/// Whether the unit took the chunk; waits while it has no room.
async fn send_chunk(session: &Session, chunk: &Chunk<'_>) -> Result<bool, UpdateError> {
    let mut window = [0; CHUNK_REGISTERS as usize * 2];
    let used = chunk.emit(&mut window).expect("offsets are even and below 2^24: a slot is smaller");
    let started = Instant::now();
    let (mut pause, longest) = BUSY;
    loop {
        match session.bus().write_window(session.unit(), mailbox::CHUNK, &window[..used]).await {
            Ok(()) => return Ok(true),
            Err(BusError::Exception { exception: Exception::Busy, .. }) => {
                if started.elapsed() >= BUSY_LIMIT {
                    return Err(UpdateError::Stuck { unit: session.unit(), waited: BUSY_LIMIT });
                }
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(longest);
            }
            Err(BusError::Exception { exception: Exception::IllegalDataValue, .. }) => return Ok(false),
            Err(error) => return Err(SessionError::from(error).into()),
        }
    }
}

/// Byte ranges of pages that follow each other: a chunk may cross from one to the next, so that all but the last of a
/// run are full.
fn runs(pages: &[usize]) -> Vec<Range<usize>> {
    let mut runs: Vec<Range<usize>> = Vec::new();
    for page in pages {
        let bytes = page * PAGE..(page + 1) * PAGE;
        match runs.last_mut() {
            Some(run) if run.end == bytes.start => run.end = bytes.end,
            _ => runs.push(bytes),
        }
    }
    runs
}

/// An image as it will stand in flash: whole pages, erased behind its end.
struct Pages {
    bytes: Vec<u8>,
    hashes: Vec<PageHash>,
}

impl Pages {
    fn of(image: &[u8]) -> Self {
        let mut bytes = image.to_vec();
        bytes.resize(image.len().next_multiple_of(PAGE), ERASED);
        let hashes = bytes.chunks_exact(PAGE).map(PageHash::of).collect();
        Self { bytes, hashes }
    }

    fn count(&self) -> usize {
        self.hashes.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbouring_pages_are_sent_as_one_run() {
        let bytes = |first: usize, last: usize| first * PAGE..(last + 1) * PAGE;
        assert_eq!(runs(&[]), []);
        assert_eq!(runs(&[3]), [bytes(3, 3)]);
        assert_eq!(runs(&[0, 1, 2, 5, 7, 8]), [bytes(0, 2), bytes(5, 5), bytes(7, 8)]);
    }

    #[test]
    fn the_last_page_is_hashed_as_it_will_stand_in_flash() {
        let pages = Pages::of(&[1; PAGE + 3]);
        let mut last = vec![0xFF; PAGE];
        last[..3].fill(1);
        assert_eq!(pages.hashes, [PageHash::of(&[1; PAGE]), PageHash::of(&last)]);
    }
}
