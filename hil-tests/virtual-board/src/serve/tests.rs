//! Real sockets and ptys in front of scripted stations.

use std::fs::OpenOptions;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::*;
use crate::line::scripted::Scripted;
use crate::line::{LineSettings, Segment};
use crate::time::VirtualTime;

fn echo_segment(length: usize) -> Segment<Scripted> {
    Segment::new(LineSettings::default(), vec![Scripted::echo(length)])
}

fn connect(server: &Server<Scripted>) -> TcpStream {
    let stream = TcpStream::connect(server.address().unwrap()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    stream
}

fn exchange(stream: &mut (impl Read + Write), request: &[u8]) -> Vec<u8> {
    stream.write_all(request).unwrap();
    let mut answer = vec![0; request.len()];
    stream.read_exact(&mut answer).unwrap();
    answer
}

#[test]
fn a_client_gets_the_answer_of_a_station_at_either_pace() {
    for pace in [Pace::Fast, Pace::Real] {
        let server = Server::start(echo_segment(8), ServeOptions::local(pace)).unwrap();
        let mut client = connect(&server);
        for round in 0..5 {
            let request = [round, 1, 2, 3, 4, 5, 6, 7];
            assert_eq!(exchange(&mut client, &request), request, "{pace}");
        }
        let segment = server.stop();
        assert_eq!(segment.counters().bytes(), 80);
        assert_eq!(segment.counters().collided, 0);
    }
}

#[test]
fn the_real_pace_takes_no_less_than_the_time_on_the_line() {
    let server = Server::start(echo_segment(250), ServeOptions::local(Pace::Real)).unwrap();
    let mut client = connect(&server);
    let started = Instant::now();
    exchange(&mut client, &[7; 250]);
    // 500 characters of 86.8 us and a millisecond of thinking.
    assert!(started.elapsed() >= Duration::from_micros(44_400), "{:?}", started.elapsed());
    let _ = server.stop();
}

#[test]
fn all_clients_share_the_line_and_hear_every_answer() {
    let server = Server::start(echo_segment(4), ServeOptions::local(Pace::Fast)).unwrap();
    let (mut first, mut second) = (connect(&server), connect(&server));
    // The second is known once it got an answer of its own.
    assert_eq!(exchange(&mut second, b"wake"), b"wake");
    assert_eq!(exchange(&mut first, b"wake")[..], b"wake"[..]);
    let mut heard = [0; 4];
    second.read_exact(&mut heard).unwrap();
    assert_eq!(&heard, b"wake");
    let _ = server.stop();
}

#[test]
fn a_client_that_comes_back_is_served_again() {
    let events = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&events);
    let options = ServeOptions {
        events: Arc::new(move |event| seen.lock().unwrap().push(event)),
        ..ServeOptions::local(Pace::Fast)
    };
    let server = Server::start(echo_segment(2), options).unwrap();
    for _ in 0..3 {
        let mut client = connect(&server);
        assert_eq!(exchange(&mut client, b"ab"), b"ab");
    }
    let _ = server.stop();
    let joined = events.lock().unwrap().iter().filter(|event| matches!(event, ServeEvent::Joined { .. })).count();
    assert_eq!(joined, 3);
}

#[test]
fn the_control_handle_works_on_the_segment_while_it_is_served() {
    let server = Server::start(echo_segment(1), ServeOptions::local(Pace::Fast)).unwrap();
    let control = server.control();
    let early = control.with(|segment| segment.now()).unwrap();
    let started = std::time::Instant::now();
    // On a busy machine the server may come late to look at the clock, so it is asked more than once.
    let idle = loop {
        std::thread::sleep(Duration::from_millis(20));
        let idle = control.with(|segment| segment.now()).unwrap() - early;
        if idle >= VirtualTime::from_millis(20) {
            break idle;
        }
        assert!(started.elapsed() < Duration::from_secs(20), "idle time follows the wall clock: {idle}");
    };
    let wall = VirtualTime::from_nanos(started.elapsed().as_nanos() as u64);
    assert!(idle < wall + VirtualTime::from_secs(5), "and does not run ahead: {idle}");
    let _ = server.stop();
    assert_eq!(control.with(|segment| segment.now()), Err(ServerGone));
}

#[test]
fn an_address_that_is_taken_is_an_error_that_says_what_to_do() {
    let server = Server::start(echo_segment(1), ServeOptions::local(Pace::Fast)).unwrap();
    let options = ServeOptions { listen: server.address(), ..ServeOptions::local(Pace::Fast) };
    let error = Server::start(echo_segment(1), options).err().unwrap();
    assert!(error.to_string().contains("choose another with --listen"), "{error}");
    let _ = server.stop();
}

#[test]
fn a_pty_is_a_serial_port_with_its_name_where_it_was_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("line");
    let options = ServeOptions { listen: None, pty: Some(path.clone()), ..ServeOptions::local(Pace::Fast) };
    let server = Server::start(echo_segment(6), options).unwrap();
    for _ in 0..2 {
        let mut port = OpenOptions::new().read(true).write(true).open(&path).unwrap();
        // Bytes that a cooked terminal would swallow or turn.
        assert_eq!(exchange(&mut port, b"\r\n\x03\x04\x11\xff"), b"\r\n\x03\x04\x11\xff");
    }
    let _ = server.stop();
    assert!(!path.is_symlink(), "the name goes with the server");
}

#[test]
fn an_old_name_of_a_pty_is_replaced_but_not_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("line");
    std::os::unix::fs::symlink(folder.path().join("gone"), &path).unwrap();
    let options = || ServeOptions { listen: None, pty: Some(path.clone()), ..ServeOptions::local(Pace::Fast) };
    let _ = Server::start(echo_segment(1), options()).unwrap().stop();
    std::fs::write(&path, "precious").unwrap();
    let error = Server::start(echo_segment(1), options()).err().unwrap();
    assert!(error.to_string().contains("--pty"), "{error}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "precious");
}
