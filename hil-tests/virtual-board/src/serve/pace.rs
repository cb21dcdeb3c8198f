//! How virtual time follows the wall clock while somebody outside talks to the units.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use crate::line::Activity;
use crate::time::VirtualTime;

/// How far a busy segment runs before somebody outside is listened to again.
const SLICE: VirtualTime = VirtualTime::from_micros(200);
/// How far behind the wall clock the real pace catches up; what is more is lost for good, so that a client never sees
/// a silence pass faster than by its own clock.
const CATCH_UP: VirtualTime = VirtualTime::from_millis(2);
/// The real pace looks again so soon while something goes on.
const GRAIN: Duration = Duration::from_micros(150);
/// Longest wait; any message ends it.
const LONGEST_WAIT: Duration = Duration::from_millis(500);

/// The pace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// While a character is on the line or a CPU is awake, as fast as the host can. Idle time costs as much time of the
    /// wall clock, else every silence timer would trip while the client thinks.
    Fast,
    /// Never ahead of the wall clock. If the host is too slow, virtual time lags.
    Real,
}

/// A word that is no pace.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no pace \"{found}\"; use real or fast")]
pub struct UnknownPace {
    /// The word.
    pub found: String,
}

impl FromStr for Pace {
    type Err = UnknownPace;

    fn from_str(word: &str) -> Result<Self, UnknownPace> {
        match word {
            "fast" => Ok(Pace::Fast),
            "real" => Ok(Pace::Real),
            other => Err(UnknownPace { found: other.into() }),
        }
    }
}

impl fmt::Display for Pace {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Pace::Fast => "fast",
            Pace::Real => "real",
        })
    }
}

/// What to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Go {
    /// Run to that time, but stop as soon as nothing goes on.
    RunWhileBusy(VirtualTime),
    /// Run to that time.
    Run(VirtualTime),
    /// Wait so long for a message.
    Wait(Duration),
}

/// Decides, from the wall clock and what goes on, how far virtual time may run. Has no clock of its own.
#[derive(Debug)]
pub struct Pacer {
    pace: Pace,
    /// A moment on both clocks from which they run alike; `None` in the fast pace while something goes on.
    anchor: Option<Anchor>,
}

#[derive(Debug, Clone, Copy)]
struct Anchor {
    wall: Duration,
    time: VirtualTime,
}

impl Anchor {
    /// Where virtual time is when the wall clock shows `wall`.
    fn time_at(&self, wall: Duration) -> VirtualTime {
        let passed = u64::try_from(wall.saturating_sub(self.wall).as_nanos()).unwrap_or(u64::MAX / 1000);
        self.time + VirtualTime::from_nanos(passed)
    }

    /// From `wall` to the moment when virtual time is at `time`.
    fn until(&self, time: VirtualTime, wall: Duration) -> Duration {
        // A nanosecond more, so that rounding does not end the wait just before.
        let due = self.wall.saturating_add(Duration::from_nanos((time - self.time).as_nanos().saturating_add(1)));
        due.saturating_sub(wall)
    }
}

impl Pacer {
    /// Starts at any time of both clocks.
    #[must_use]
    pub fn new(pace: Pace) -> Self {
        Self { pace, anchor: None }
    }

    /// What to do when the wall clock shows `wall` and the segment is at `now`.
    pub fn next(&mut self, wall: Duration, now: VirtualTime, activity: Activity) -> Go {
        match self.pace {
            Pace::Fast => self.fast(wall, now, activity),
            Pace::Real => self.real(wall, now, activity),
        }
    }

    fn fast(&mut self, wall: Duration, now: VirtualTime, activity: Activity) -> Go {
        let Activity::IdleUntil(wake) = activity else {
            self.anchor = None;
            return Go::RunWhileBusy(now + SLICE);
        };
        let anchor = *self.anchor.get_or_insert(Anchor { wall, time: now });
        let target = anchor.time_at(wall).min(wake);
        if target > now { Go::Run(target) } else { Go::Wait(anchor.until(wake, wall).min(LONGEST_WAIT)) }
    }

    fn real(&mut self, wall: Duration, now: VirtualTime, activity: Activity) -> Go {
        let anchor = self.anchor.get_or_insert(Anchor { wall, time: now });
        if anchor.time_at(wall) > now + CATCH_UP {
            *anchor = Anchor { wall, time: now + CATCH_UP };
        }
        let target = anchor.time_at(wall);
        match activity {
            _ if target > now => Go::Run(target.min(now + SLICE)),
            Activity::Busy => Go::Wait(GRAIN),
            Activity::IdleUntil(wake) => Go::Wait(anchor.until(wake, wall).clamp(GRAIN, LONGEST_WAIT)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEVER: Activity = Activity::IdleUntil(VirtualTime::NEVER);

    fn wall(micros: u64) -> Duration {
        Duration::from_micros(micros)
    }

    fn at(micros: u64) -> VirtualTime {
        VirtualTime::from_micros(micros)
    }

    #[test]
    fn fast_runs_busy_time_without_looking_at_the_wall_clock() {
        let mut pacer = Pacer::new(Pace::Fast);
        assert_eq!(pacer.next(wall(0), at(0), Activity::Busy), Go::RunWhileBusy(SLICE));
        assert_eq!(pacer.next(wall(0), at(5_000_000), Activity::Busy), Go::RunWhileBusy(at(5_000_000) + SLICE));
    }

    #[test]
    fn fast_pays_for_every_idle_microsecond_with_one_of_the_wall_clock() {
        let mut pacer = Pacer::new(Pace::Fast);
        assert!(matches!(pacer.next(wall(10), at(1000), NEVER), Go::Wait(_)));
        assert_eq!(pacer.next(wall(25), at(1000), NEVER), Go::Run(at(1015)));
        assert!(matches!(pacer.next(wall(25), at(1015), NEVER), Go::Wait(_)));
        assert_eq!(pacer.next(wall(3_000_025), at(1015), NEVER), Go::Run(at(3_001_015)));
    }

    #[test]
    fn fast_gives_no_credit_for_the_wall_time_that_busy_time_cost() {
        let mut pacer = Pacer::new(Pace::Fast);
        assert!(matches!(pacer.next(wall(0), at(0), NEVER), Go::Wait(_)));
        assert!(matches!(pacer.next(wall(50), at(0), Activity::Busy), Go::RunWhileBusy(_)));
        // A slow host took a second for these 200 us; the silence timer starts now all the same.
        assert!(matches!(pacer.next(wall(1_000_000), at(200), NEVER), Go::Wait(_)));
        assert_eq!(pacer.next(wall(1_000_100), at(200), NEVER), Go::Run(at(300)));
    }

    #[test]
    fn fast_waits_for_a_timer_and_does_not_run_past_it() {
        let mut pacer = Pacer::new(Pace::Fast);
        let idle = Activity::IdleUntil(at(500));
        let Go::Wait(wait) = pacer.next(wall(0), at(100), idle) else { panic!("must wait") };
        assert!(wait >= wall(400) && wait < wall(402), "{wait:?}");
        assert_eq!(pacer.next(wall(10_000), at(100), idle), Go::Run(at(500)));
    }

    #[test]
    fn real_never_runs_ahead_of_the_wall_clock_busy_or_not() {
        let mut pacer = Pacer::new(Pace::Real);
        for activity in [Activity::Busy, NEVER] {
            assert!(matches!(pacer.next(wall(0), at(0), activity), Go::Wait(_)));
        }
        assert_eq!(pacer.next(wall(40), at(0), Activity::Busy), Go::Run(at(40)));
        assert_eq!(pacer.next(wall(40), at(40), Activity::Busy), Go::Wait(GRAIN));
        assert_eq!(pacer.next(wall(540), at(40), NEVER), Go::Run(at(240)));
        assert_eq!(pacer.next(wall(540), at(240), NEVER), Go::Run(at(440)));
    }

    #[test]
    fn real_lags_for_good_when_the_host_is_too_slow() {
        let mut pacer = Pacer::new(Pace::Real);
        assert!(matches!(pacer.next(wall(0), at(0), Activity::Busy), Go::Wait(_)));
        // Ten seconds behind: only the last two milliseconds are caught up.
        let (mut now, mut steps) = (at(0), 0);
        while let Go::Run(until) = pacer.next(wall(10_000_000), now, NEVER) {
            (now, steps) = (until, steps + 1);
        }
        assert_eq!((now, steps), (CATCH_UP, 10));
        assert_eq!(pacer.next(wall(10_000_100), now, NEVER), Go::Run(CATCH_UP + at(100)));
    }

    #[test]
    fn a_pace_is_written_as_it_is_read() {
        for pace in [Pace::Fast, Pace::Real] {
            assert_eq!(pace.to_string().parse(), Ok(pace));
        }
        assert_eq!("slow".parse::<Pace>().unwrap_err().to_string(), "no pace \"slow\"; use real or fast");
    }
}
