//! What becomes of a call when everyone who may serve it is resting.

use std::time::Duration;

/// What to do when circuit breakers alone stand between a call and its deployments.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnAllUnavailable {
    /// The call is refused at once, with the time of the next probe. The default: those who rest have failed again and
    /// again, so an answer is unlikely, may be billed all the same, and keeps them from recovering; and a caller who is
    /// told at once can do something better with the time.
    #[default]
    Fail,
    /// The call is sent to the best of those who rest, one call at a time each.
    ProbeBest,
    /// The call waits until the first of them admits its probe, at most so long.
    Wait(Duration),
}
