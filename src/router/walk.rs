//! Which deployment is tried next, and after which pause: a pure state machine over the outcomes so far.
//!
//! Candidates come first, one attempt each and at once. Before second choice is reached, the last candidate standing gets
//! a retry if its failure is passing and its pause short. When everyone has had a turn, the passing failures are retried
//! in the order in which their pauses end, within the attempts and the deadline of the call. So is who was at a limit
//! when the call began: not first, and not forgotten either.

use std::time::Duration;

use crate::{
    clock::Instant,
    error::{Disposition, Error},
    resilience::backoff::RetryConfig,
};

/// Before second choice is reached, the last candidate is waited for at most this long: a longer pause costs the caller
/// more than the fallback does.
pub const PATIENCE: Duration = Duration::from_secs(3);
/// No pause that a provider asks for is waited out if it is longer (the limit of OpenAI's own client).
pub const LONGEST_WAIT: Duration = Duration::from_secs(120);

/// What to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Try this deployment, not before `at`.
    Try {
        /// Which.
        index: usize,
        /// When.
        at: Instant,
    },
    /// Nothing is left to try.
    Exhausted,
}

/// One that was at a limit when the call was planned.
#[derive(Clone, Copy, Debug)]
pub struct Late {
    /// Which.
    pub index: usize,
    /// Whether it is second choice.
    pub fallback: bool,
    /// When it has room again.
    pub at: Instant,
    /// How long the call stands still for it when nobody else is left.
    pub patience: Duration,
}

#[derive(Clone, Debug)]
struct Turn {
    index: usize,
    fallback: bool,
    tries: u32,
    most: u32,
    out: bool,
    not_before: Option<Instant>,
    /// Of one that has had no turn yet: how long the call stands still for it when nobody else is left.
    patience: Duration,
}

impl Turn {
    fn may_repeat(&self) -> bool {
        !self.out && self.not_before.is_some() && self.tries < self.most
    }

    /// Whether it could not be tried when its turn came, but can be later.
    fn late(&self) -> bool {
        self.may_repeat() && self.tries == 0
    }

    /// When it can be tried, after a pause that is worth it.
    fn again(&self, now: Instant, deadline: Instant) -> Option<Instant> {
        let longest = if self.tries == 0 { self.patience } else { LONGEST_WAIT };
        let at = self.not_before.filter(|_| self.may_repeat())?.max(now);
        (at < deadline && at - now <= longest).then_some(at)
    }
}

/// The way through the candidates of one call.
#[derive(Clone, Debug)]
pub struct Walk {
    turns: Vec<Turn>,
    last: Option<usize>,
    left: u32,
}

impl Walk {
    /// Over `candidates` and then `fallback`, both in order.
    pub fn new(candidates: &[usize], fallback: &[usize], retry: &RetryConfig) -> Self {
        let most = retry.per_deployment.max(1);
        let turn = |fallback| {
            move |index: &usize| Turn {
                index: *index,
                fallback,
                tries: 0,
                most,
                out: false,
                not_before: None,
                patience: PATIENCE,
            }
        };
        let turns = candidates.iter().map(turn(false)).chain(fallback.iter().map(turn(true))).collect();
        Self { turns, last: None, left: retry.attempts.max(1) }
    }

    /// `index` may be tried so many times in all, other than the route says.
    pub fn allow(&mut self, index: usize, most: u32) {
        if let Some(turn) = self.turn(index) {
            turn.most = most.max(1);
        }
    }

    /// `late` cannot be tried before its time, and is tried when everyone else has had a turn.
    pub fn later(&mut self, late: &Late, retry: &RetryConfig) {
        let Late { index, fallback, at, patience } = *late;
        let most = retry.per_deployment.max(1);
        self.turns.push(Turn { index, fallback, tries: 0, most, out: false, not_before: Some(at), patience });
    }

    /// What to do next at `now`. `deadline` is the end of the call.
    pub fn next(&self, now: Instant, deadline: Instant) -> Step {
        if self.left == 0 {
            return Step::Exhausted;
        }
        let untried = |fallback: bool| {
            self.turns.iter().find(move |t| t.fallback == fallback && t.tries == 0 && !t.out && !t.late())
        };
        let second = untried(true);
        // The last attempt is second choice's, if it has had none.
        let first = untried(false).filter(|_| self.left > 1 || second.is_none());
        if let Some(turn) = first {
            return Step::Try { index: turn.index, at: now };
        }
        if let Some(turn) = second {
            return match self.last_standing(now).filter(|_| self.left > 1) {
                Some((index, at)) if at < deadline => Step::Try { index, at },
                _ => Step::Try { index: turn.index, at: now },
            };
        }
        let again = || self.turns.iter().filter_map(|t| Some((t.again(now, deadline)?, t.tries, t.index)));
        // The last attempt is for who has had none.
        let only = again().filter(|(_, tries, _)| self.left == 1 && *tries == 0).min();
        match only.or_else(|| again().min_by_key(|(at, tries, _)| (*at, *tries))) {
            Some((at, _, index)) => Step::Try { index, at },
            None => Step::Exhausted,
        }
    }

    /// Whether another deployment is ready if this attempt on `index` fails in silence. Who is at a limit is not.
    pub fn has_alternative(&self, index: usize) -> bool {
        let ready = |t: &Turn| !t.out && !t.late() && (t.tries == 0 || t.may_repeat());
        self.left > 0 && self.turns.iter().any(|t| t.index != index && ready(t))
    }

    /// Whether `index` could not be tried when its turn came, but can be later.
    pub fn is_late(&self, index: usize) -> bool {
        self.turns.iter().any(|t| t.index == index && t.late())
    }

    /// Who has not been tried yet and still may be.
    pub fn untried(&self) -> impl Iterator<Item = usize> + '_ {
        self.turns.iter().filter(|t| t.tries == 0 && !t.out).map(|t| t.index)
    }

    /// Who would be tried at once if nobody answered, in order: nobody when no attempt is left.
    pub fn ready(&self) -> impl Iterator<Item = usize> + '_ {
        let ready = self.turns.iter().filter(|t| self.left > 0 && t.tries == 0 && !t.out && !t.late());
        ready.map(|t| t.index)
    }

    /// An attempt on `index` goes out.
    pub fn started(&mut self, index: usize) {
        self.left = self.left.saturating_sub(1);
        self.last = self.turns.iter().position(|t| t.index == index);
        if let Some(turn) = self.turn(index) {
            turn.tries += 1;
            turn.not_before = None;
        }
    }

    /// The attempt on `index` failed. The wait that the provider asks for wins over our own
    /// `pause`: never earlier than asked.
    pub fn failed(&mut self, index: usize, error: &Error, now: Instant, pause: Duration) {
        let wait = error.context.retry_after.unwrap_or(pause);
        if let Some(turn) = self.turn(index) {
            match error.disposition() {
                Disposition::Retry => turn.not_before = Some(now + wait),
                Disposition::Failover | Disposition::Stop => turn.out = true,
            }
        }
    }

    /// `index` cannot be tried at all.
    pub fn skipped(&mut self, index: usize) {
        if let Some(turn) = self.turn(index) {
            turn.out = true;
        }
    }

    /// `index` may be tried, or tried again, but not before `at`. Who is put off once more has so much less patience left.
    pub fn postponed(&mut self, index: usize, at: Instant) {
        if let Some(turn) = self.turn(index) {
            let more = turn.not_before.map_or(Duration::ZERO, |before| at.saturating_duration_since(before));
            turn.patience = turn.patience.saturating_sub(if turn.tries == 0 { more } else { Duration::ZERO });
            turn.not_before = Some(at);
        }
    }

    /// Who was tried last.
    pub fn previous(&self) -> Option<usize> {
        self.last.map(|at| self.turns[at].index)
    }

    /// Attempts so far on `index`.
    pub fn tries(&self, index: usize) -> u32 {
        self.turns.iter().find(|t| t.index == index).map_or(0, |t| t.tries)
    }

    fn turn(&mut self, index: usize) -> Option<&mut Turn> {
        self.turns.iter_mut().find(|t| t.index == index)
    }

    /// The candidate tried last, if it may be repeated soon.
    fn last_standing(&self, now: Instant) -> Option<(usize, Instant)> {
        let turn = self.last.map(|at| &self.turns[at]).filter(|t| !t.fallback && t.may_repeat())?;
        let at = turn.not_before?.max(now);
        (at - now <= PATIENCE).then_some((turn.index, at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    const MINUTE: Duration = Duration::from_secs(60);

    /// Walks while every attempt fails as `errors` say, and tells who was tried, and when (ms).
    fn tried(candidates: &[usize], fallback: &[usize], errors: impl Fn(usize) -> Error) -> Vec<(usize, u128)> {
        let start = crate::clock::now();
        let (mut now, deadline) = (start, start + MINUTE);
        let mut walk = Walk::new(candidates, fallback, &RetryConfig::default());
        let mut seen = Vec::new();
        while let Step::Try { index, at } = walk.next(now, deadline) {
            now = at;
            seen.push((index, (now - start).as_millis()));
            walk.started(index);
            walk.failed(index, &errors(index), now, Duration::from_millis(100));
        }
        seen
    }

    fn error(kind: ErrorKind) -> Error {
        Error::new(kind, "x")
    }

    #[test]
    fn the_next_candidate_is_tried_at_once_and_the_last_one_again_before_the_fallback() {
        let seen = tried(&[0, 1], &[9], |_| error(ErrorKind::Server));
        assert_eq!(seen, [(0, 0), (1, 0), (1, 100), (9, 100)]);
    }

    #[test]
    fn a_silent_candidate_is_not_asked_twice() {
        assert_eq!(tried(&[0], &[9], |_| error(ErrorKind::Timeout)), [(0, 0), (9, 0)]);
    }

    #[test]
    fn a_long_wait_goes_to_the_fallback_and_a_short_one_is_waited_out() {
        let limited = |seconds| error(ErrorKind::RateLimit).with_retry_after(Some(Duration::from_secs(seconds)));
        let down = |index| if index == 9 { error(ErrorKind::Authentication) } else { limited(4) };
        assert_eq!(tried(&[0], &[9], down), [(0, 0), (9, 0), (0, 4_000)]);
        assert_eq!(tried(&[0], &[9], |_| limited(2))[1], (0, 2_000));
    }

    #[test]
    fn a_wait_beyond_the_deadline_is_not_begun() {
        let limited = error(ErrorKind::RateLimit).with_retry_after(Some(Duration::from_secs(90)));
        assert_eq!(tried(&[0], &[], |_| limited.clone()), [(0, 0)]);
    }

    #[test]
    fn the_last_attempt_is_kept_for_second_choice() {
        let seen = tried(&[0, 1, 2, 3, 4], &[9], |_| error(ErrorKind::Connection));
        assert_eq!(seen.iter().map(|s| s.0).collect::<Vec<_>>(), [0, 1, 2, 9]);
    }

    #[test]
    fn who_is_at_a_limit_is_tried_when_it_has_room_after_everyone_else() {
        let start = crate::clock::now();
        let ms = Duration::from_millis;
        for (at, patience, next) in
            [(20, PATIENCE, Some(20)), (3_001, PATIENCE, None), (3_001, MINUTE, Some(3_001)), (60_000, MINUTE, None)]
        {
            let mut walk = Walk::new(&[0], &[9], &RetryConfig::default());
            walk.later(&Late { index: 5, fallback: false, at: start + ms(at), patience }, &RetryConfig::default());
            for (index, quota) in [(0, ErrorKind::Quota), (9, ErrorKind::Quota)] {
                assert_eq!(walk.next(start, start + MINUTE), Step::Try { index, at: start });
                walk.started(index);
                walk.failed(index, &error(quota), start, ms(100));
            }
            assert!(!walk.has_alternative(9) && walk.is_late(5));
            let wanted = next.map_or(Step::Exhausted, |at| Step::Try { index: 5, at: start + ms(at) });
            assert_eq!(walk.next(start, start + MINUTE), wanted, "{at}");
        }
    }

    #[test]
    fn the_last_attempt_is_kept_for_who_has_had_none() {
        let start = crate::clock::now();
        let retry = RetryConfig { attempts: 2, ..RetryConfig::default() };
        let mut walk = Walk::new(&[0], &[], &retry);
        let late = Late { index: 5, fallback: false, at: start + Duration::from_secs(2), patience: PATIENCE };
        walk.later(&late, &retry);
        walk.started(0);
        walk.failed(0, &error(ErrorKind::Server), start, Duration::from_millis(100));
        assert_eq!(walk.next(start, start + MINUTE), Step::Try { index: 5, at: late.at });
        // Put off once more, it is waited for only as long as patience lasts.
        walk.postponed(5, late.at + Duration::from_secs(2));
        assert_ne!(walk.next(late.at, start + MINUTE), Step::Try { index: 5, at: late.at + Duration::from_secs(2) });
    }

    #[test]
    fn with_nobody_else_passing_failures_are_retried_within_the_attempts() {
        let seen = tried(&[0, 1], &[], |_| error(ErrorKind::Overloaded));
        assert_eq!(seen.iter().map(|s| s.0).collect::<Vec<_>>(), [0, 1, 0, 1]);
        assert_eq!(tried(&[0, 1], &[], |_| error(ErrorKind::Quota)), [(0, 0), (1, 0)]);
    }
}
