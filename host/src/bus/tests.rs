//! The bus against scripted peers. Time is virtual: a test that waits costs nothing.

use protocol::modbus::exception::Exception;
use protocol::modbus::rtu::{Frame, FrameLength, request_length};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};
use tokio::time::sleep;

use super::*;
use crate::endpoint::LocalEcho;

const UNIT: UnitId = UnitId(2);
const OTHER: UnitId = UnitId(3);

fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

fn patience(timeout: u64, attempts: u32) -> Patience {
    Patience { timeout: ms(timeout), attempts }
}

/// The other end of the line.
struct Peer(DuplexStream);

impl Peer {
    /// The next whole request: address and PDU. Panics on half a frame. `None` at the end of the line.
    async fn request(&mut self) -> Option<(u8, Vec<u8>)> {
        let mut bytes = Vec::new();
        loop {
            match request_length(&bytes) {
                FrameLength::Exactly(length) if length == bytes.len() => break,
                FrameLength::Unknown => panic!("not one of our requests: {bytes:02x?}"),
                _ => match self.0.read_u8().await {
                    Ok(byte) => bytes.push(byte),
                    Err(_) if bytes.is_empty() => return None,
                    Err(error) => panic!("half a frame: {bytes:02x?}: {error}"),
                },
            }
        }
        let frame = Frame::parse(&bytes).expect("a good CRC");
        Some((frame.address, frame.pdu.to_vec()))
    }

    async fn send(&mut self, bytes: &[u8]) {
        // The bus may be gone already.
        let _ = self.0.write_all(bytes).await;
    }

    async fn answer(&mut self, address: u8, pdu: &[u8]) {
        self.send(&frame(address, pdu)).await;
    }
}

fn frame(address: u8, pdu: &[u8]) -> Vec<u8> {
    let mut out = [0; 256];
    let length = Frame { address, pdu }.emit(&mut out).expect("the answer fits");
    out[..length].to_vec()
}

/// What a unit answers whose every register holds its own address.
fn honest(pdu: &[u8]) -> Vec<u8> {
    let word = |at: usize| u16::from_be_bytes([pdu[at], pdu[at + 1]]);
    match pdu[0] {
        3 => {
            let mut answer = vec![3, pdu[4] * 2];
            (word(1)..word(1) + word(3)).for_each(|address| answer.extend(address.to_be_bytes()));
            answer
        }
        6 | 8 => pdu.to_vec(),
        16 => pdu[..5].to_vec(),
        other => panic!("function {other} is in no test"),
    }
}

fn line(patience: Patience) -> (Bus, Peer) {
    let (ours, theirs) = duplex(4096);
    (Bus::over(ours, patience), Peer(theirs))
}

/// A peer that answers honestly after a delay that depends on the number of the request.
fn serve(mut peer: Peer, delay: impl Fn(usize) -> Duration + Send + 'static) -> tokio::task::JoinHandle<usize> {
    tokio::spawn(async move {
        let mut served = 0;
        while let Some((address, pdu)) = peer.request().await {
            sleep(delay(served)).await;
            peer.answer(address, &honest(&pdu)).await;
            served += 1;
        }
        served
    })
}

#[tokio::test(start_paused = true)]
async fn an_answer_cut_at_every_border_is_read_whole() {
    let (bus, mut peer) = line(patience(1000, 1));
    let length = frame(2, &honest(&[3, 0, 7, 0, 60])).len();
    let reader = tokio::spawn(async move {
        for _ in 1..length {
            let values = bus.read_holding(UNIT, 7, 60).await.expect("an answer");
            assert_eq!(values, (7..67).collect::<Vec<u16>>());
        }
        bus.wire()
    });
    for cut in 1..length {
        let (address, pdu) = peer.request().await.expect("a request");
        let bytes = frame(address, &honest(&pdu));
        peer.send(&bytes[..cut]).await;
        sleep(ms([1, 15, 40][cut % 3])).await; // within, at and beyond the pause of a USB adapter
        peer.send(&bytes[cut..]).await;
    }
    let wire = reader.await.expect("no wrong value");
    assert_eq!((wire.retries, wire.bytes_received), (0, (length * (length - 1)) as u64));
}

#[tokio::test(start_paused = true)]
async fn a_late_answer_is_never_taken_for_the_next_one() {
    // bus:M4; tokio-modbus: 49 of 50 wrong (facts/bus.md section 1).
    for (late, then) in [(120, 5), (180, 20), (350, 20), (120, 0), (199, 40)] {
        let (bus, peer) = line(patience(100, 1));
        serve(peer, move |served| if served == 0 { ms(late) } else { ms(then) });
        let (mut right, mut failed) = (0, 0);
        for address in 0..50 {
            match bus.read_holding(UNIT, address, 1).await {
                Ok(values) => {
                    assert_eq!(values, [address], "first answer after {late} ms, then {then} ms");
                    right += 1;
                }
                Err(_) => failed += 1,
            }
        }
        assert!(right >= 46 && failed >= 1, "{right} right, {failed} failed ({late} ms, {then} ms)");
    }
}

#[tokio::test(start_paused = true)]
async fn answers_that_are_late_again_and_again_give_no_wrong_value() {
    let (bus, peer) = line(patience(100, 2));
    serve(peer, |served| if served % 7 == 3 { ms(230) } else { ms(10) });
    let mut right = 0;
    for address in 0..200 {
        if let Ok(values) = bus.read_holding(UNIT, address, 1).await {
            assert_eq!(values, [address]);
            right += 1;
        }
    }
    assert!(right > 100, "{right}");
}

#[tokio::test(start_paused = true)]
async fn a_late_answer_of_one_unit_does_not_disturb_another() {
    let (bus, mut peer) = line(patience(100, 1));
    let calls = tokio::spawn(async move {
        let late = bus.read_holding(UNIT, 1, 1).await;
        (late.err(), bus.read_holding(OTHER, 9, 1).await)
    });
    let (first, pdu) = peer.request().await.expect("a request");
    sleep(ms(150)).await;
    let (second, next) = peer.request().await.expect("another request");
    peer.answer(first, &honest(&pdu)).await;
    peer.answer(second, &honest(&next)).await;
    let (late, values) = calls.await.expect("no panic");
    assert!(matches!(late, Some(BusError::NoAnswer { .. })));
    assert_eq!(values.expect("the other unit's answer"), [9]);
}

#[tokio::test(start_paused = true)]
async fn an_answer_of_another_unit_names_both() {
    let (bus, mut peer) = line(patience(100, 2));
    tokio::spawn(async move {
        while let Some((_, pdu)) = peer.request().await {
            peer.answer(3, &honest(&pdu)).await;
        }
    });
    let error = bus.read_holding(UNIT, 0, 1).await.expect_err("nobody else's answer counts");
    assert!(matches!(error, BusError::OtherUnit { asked: UNIT, answered: 3 }), "{error}");
}

#[tokio::test(start_paused = true)]
async fn an_answer_to_another_function_or_of_another_length_names_both() {
    for wrong in [&[4_u8, 2, 0, 1][..], &[3, 4, 0, 1, 0, 2]] {
        let (bus, mut peer) = line(patience(100, 1));
        let wrong = wrong.to_vec();
        tokio::spawn(async move {
            while let Some((address, _)) = peer.request().await {
                peer.answer(address, &wrong).await;
            }
        });
        let error = bus.read_holding(UNIT, 0, 1).await.expect_err("another function");
        assert!(matches!(error, BusError::OtherAnswer { unit: UNIT, asked: 3, .. }), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_unit_that_says_nothing_is_an_error_within_the_time() {
    let (bus, peer) = line(patience(200, 3));
    let started = Instant::now();
    let error = bus.read_holding(UNIT, 0, 1).await.expect_err("nobody there");
    assert!(matches!(error, BusError::NoAnswer { unit: UNIT, attempts: 3, .. }), "{error}");
    assert!(started.elapsed() < ms(620), "{:?}", started.elapsed());
    assert_eq!(bus.wire().timeouts, 3);
    drop(peer);
}

#[tokio::test(start_paused = true)]
async fn noise_before_between_and_behind_answers_is_survived() {
    let (bus, mut peer) = line(patience(100, 3));
    tokio::spawn(async move {
        let mut count: usize = 0;
        while let Some((address, pdu)) = peer.request().await {
            count += 1;
            let noise: Vec<u8> = (0..count % 40).map(|index| (index * 73 + count) as u8).collect();
            peer.send(&noise).await;
            peer.answer(address, &honest(&pdu)).await;
            peer.send(&noise[noise.len() / 2..]).await;
        }
    });
    for address in 0..200 {
        assert_eq!(bus.read_holding(UNIT, address, 3).await.expect("an answer"), [address, address + 1, address + 2]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_damaged_answer_is_asked_for_again() {
    let (bus, mut peer) = line(patience(100, 2));
    tokio::spawn(async move {
        let mut count = 0;
        while let Some((address, pdu)) = peer.request().await {
            let mut bytes = frame(address, &honest(&pdu));
            if count == 0 {
                bytes[4] ^= 1;
            }
            peer.send(&bytes).await;
            count += 1;
        }
    });
    assert_eq!(bus.read_holding(UNIT, 77, 1).await.expect("the second answer"), [77]);
    assert_eq!(bus.wire().retries, 1);
}

#[tokio::test(start_paused = true)]
async fn an_exception_is_an_answer_and_is_not_repeated() {
    let (bus, mut peer) = line(patience(100, 3));
    tokio::spawn(async move {
        while let Some((address, pdu)) = peer.request().await {
            peer.answer(address, &[pdu[0] | 0x80, 6]).await;
        }
    });
    let error = bus.write_window(UNIT, 0xF200, &[0; 4]).await.expect_err("busy");
    assert!(matches!(error, BusError::Exception { function: 16, exception: Exception::Busy, .. }), "{error}");
    assert_eq!(bus.wire().requests, 1);
}

#[tokio::test(start_paused = true)]
async fn a_unit_without_echo_is_trusted_again_after_its_exception() {
    let (bus, mut peer) = line(patience(100, 2));
    tokio::spawn(async move {
        let mut count = 0;
        while let Some((address, pdu)) = peer.request().await {
            count += 1;
            match pdu[0] {
                _ if count == 1 => sleep(ms(130)).await, // lost
                8 => peer.answer(address, &[0x88, 1]).await,
                _ => peer.answer(address, &honest(&pdu)).await,
            }
        }
    });
    assert_eq!(bus.read_holding(UNIT, 5, 1).await.expect("the second attempt"), [5]);
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_goes_away_leaves_whole_frames_and_a_line_in_order() {
    // A pipe of 16 bytes: a request of 255 bytes is on its way for a long time.
    let (ours, theirs) = duplex(16);
    let bus = Bus::over(ours, patience(500, 1));
    let served = serve(Peer(theirs), |_| ms(3));
    for round in 0..40_u16 {
        let big = vec![round as u8; 246];
        let write = bus.write_window(UNIT, 0xF200, &big);
        // Dropped at another moment each time; `serve` panics on half a frame.
        let _ = tokio::time::timeout(ms(u64::from(round % 5)), write).await;
        assert_eq!(bus.read_holding(UNIT, round, 1).await.expect("the next call is served"), [round]);
    }
    drop(bus);
    assert!(served.await.expect("whole frames only") >= 40);
}

#[tokio::test(start_paused = true)]
async fn many_callers_get_their_own_answers() {
    let (bus, peer) = line(patience(500, 1));
    serve(peer, |served| ms(served as u64 % 4));
    let callers = (0..40_u16).map(|address| {
        let bus = bus.clone();
        tokio::spawn(async move { (address, bus.read_holding(UNIT, address, 2).await.expect("an answer")) })
    });
    for caller in callers.collect::<Vec<_>>() {
        let (address, values) = caller.await.expect("no panic");
        assert_eq!(values, [address, address + 1]);
    }
}

#[tokio::test(start_paused = true)]
async fn answers_nobody_asked_for_are_dropped_before_the_next_request() {
    // A gateway that repeats a request on its own: mbusd executed one write 4 times (facts/bus.md section 2).
    let (bus, mut peer) = line(patience(100, 1));
    let calls = tokio::spawn(async move {
        let mut values = Vec::new();
        for address in 0..20 {
            values.extend(bus.read_holding(UNIT, address, 1).await.expect("an answer"));
            sleep(ms(5)).await;
        }
        values
    });
    while let Some((address, pdu)) = peer.request().await {
        for _ in 0..4 {
            peer.answer(address, &honest(&pdu)).await;
        }
    }
    assert_eq!(calls.await.expect("no panic"), (0..20).collect::<Vec<u16>>());
}

#[tokio::test(start_paused = true)]
async fn a_line_that_closes_is_gone() {
    let (bus, peer) = line(patience(100, 3));
    drop(peer);
    let error = bus.read_holding(UNIT, 0, 1).await.expect_err("nobody there");
    assert!(matches!(error, BusError::Gone { .. }), "{error}");
}

/// Gives out prepared streams, with failures in between.
struct Prepared(Vec<Option<DuplexStream>>);

impl Opener for Prepared {
    fn open(&mut self) -> Opening<'_> {
        let next = if self.0.is_empty() { None } else { self.0.remove(0) };
        let result = match next {
            Some(stream) => Ok(Box::new(stream) as Box<dyn Stream>),
            None => Err(OpenError::NoPort { path: "here".to_owned(), ports: Vec::new() }),
        };
        Box::pin(async move { result })
    }

    fn name(&self) -> String {
        "here".to_owned()
    }
}

#[tokio::test(start_paused = true)]
async fn a_port_that_is_plugged_in_again_is_opened_again() {
    // bus:M9
    let (first, peer) = duplex(4096);
    let (second, again) = duplex(4096);
    let opener = Prepared(vec![Some(first), None, None, None, Some(second)]);
    let bus = Bus::open_with(Box::new(opener), LineTiming::REMOTE, patience(100, 2)).await.expect("the first one");
    let served = serve(Peer(peer), |_| ms(1));
    assert_eq!(bus.read_holding(UNIT, 1, 1).await.expect("an answer"), [1]);
    served.abort();
    serve(Peer(again), |_| ms(1));
    assert_eq!(bus.read_holding(UNIT, 2, 1).await.expect("an answer by the second one"), [2]);
}

#[tokio::test(start_paused = true)]
async fn a_port_that_stays_away_is_given_up_in_bounded_time() {
    let (first, peer) = duplex(4096);
    let bus = Bus::open_with(Box::new(Prepared(vec![Some(first)])), LineTiming::REMOTE, patience(100, 3))
        .await
        .expect("the first one");
    drop(peer);
    let started = Instant::now();
    let error = bus.read_holding(UNIT, 1, 1).await.expect_err("gone");
    assert!(matches!(error, BusError::Gone { .. }), "{error}");
    assert!(started.elapsed() < Duration::from_secs(6), "{:?}", started.elapsed());
}

/// In real time: the kernel keeps its own.
#[cfg(unix)]
#[tokio::test]
async fn a_serial_port_that_is_unplugged_is_gone() {
    // bus:M9
    let (master, slave) = tokio_serial::SerialStream::pair().expect("a pseudo terminal");
    let path = tokio_serial::SerialPort::name(&slave).expect("a slave has a path");
    let endpoint = format!("rtu://{path}").parse().expect("a good URL");
    let bus = Bus::open(&endpoint, patience(500, 20)).await.expect("a port");
    let unplugged = async {
        sleep(ms(100)).await;
        drop((master, slave));
    };
    let (result, ()) = tokio::join!(bus.read_holding(UNIT, 0, 1), unplugged);
    let error = result.expect_err("gone");
    assert!(matches!(error, BusError::Gone { .. }), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_serial_line_is_silent_before_each_request_and_its_own_echo_is_skipped() {
    let timing = LineTiming { character: Duration::from_micros(86), silence: ms(4), echo: LocalEcho::Skip };
    let (ours, theirs) = duplex(4096);
    let bus = Bus::start(Box::new(ours), Box::new(Never), timing, patience(100, 1));
    let mut peer = Peer(theirs);
    let served = tokio::spawn(async move {
        let mut last = Instant::now();
        while let Some((address, pdu)) = peer.request().await {
            assert!(last.elapsed() >= ms(4), "{:?}", last.elapsed());
            peer.answer(address, &pdu).await; // the echo
            sleep(ms(2)).await;
            peer.answer(address, &honest(&pdu)).await;
            last = Instant::now();
        }
    });
    for address in 0..10 {
        assert_eq!(bus.read_holding(UNIT, address, 1).await.expect("an answer"), [address]);
        bus.write_single(UNIT, address, 9).await.expect("an echo and an answer that look alike");
    }
    drop(bus);
    served.await.expect("silence was kept");
}

#[tokio::test(start_paused = true)]
async fn what_no_frame_carries_is_not_sent() {
    let (bus, _peer) = line(patience(100, 1));
    assert!(matches!(bus.read_holding(UNIT, 0, 126).await, Err(BusError::OutOfRange { found: 126, most: 125, .. })));
    assert!(matches!(bus.write_window(UNIT, 0, &[0; 248]).await, Err(BusError::OutOfRange { .. })));
    assert_eq!(bus.wire(), Wire::default());
}

#[test]
fn unit_ids_are_1_to_247() {
    assert_eq!([0, 1, 247, 248, 255].map(|id| UnitId::new(id).is_some()), [false, true, true, false, false]);
}
