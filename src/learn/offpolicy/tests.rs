//! The estimates against a simulated world, in which the truth is known.

use fastrand::Rng;

use super::*;

const ARMS: [&str; 3] = ["a", "b", "c"];
/// How often each one is right for an easy and for a hard request.
const RIGHT: [[f64; 3]; 2] = [[0.9, 0.85, 0.8], [0.2, 0.6, 0.9]];
/// Whom the log drew, and whom the other way would draw, for an easy and for a hard request.
const LOGGED: [[f64; 3]; 2] = [[0.6, 0.3, 0.1], [0.5, 0.3, 0.2]];
const TARGET: [[f64; 3]; 2] = [[0.9, 0.1, 0.0], [0.0, 0.2, 0.8]];

/// What the other way is worth: the mean over both kinds of requests, of which there are as many.
fn truth() -> f64 {
    let kind = |at: usize| (0..3).map(|arm| TARGET[at][arm] * RIGHT[at][arm]).sum::<f64>();
    f64::midpoint(kind(0), kind(1))
}

fn named(chances: [f64; 3]) -> Vec<(String, f64)> {
    ARMS.iter().zip(chances).map(|(name, chance)| ((*name).to_owned(), chance)).collect()
}

fn world(seed: u64, trials: usize) -> Vec<Trial> {
    let mut rng = Rng::with_seed(seed);
    let mut one = || {
        let kind = usize::from(rng.bool());
        let mut draw = rng.f64();
        let arm = LOGGED[kind].iter().position(|chance| {
            draw -= chance;
            draw < 0.0
        });
        let arm = arm.unwrap_or(0);
        Trial {
            reward: f64::from(u8::from(rng.f64() < RIGHT[kind][arm])),
            action: ARMS[arm].into(),
            propensity: LOGGED[kind][arm],
            target: named(TARGET[kind]),
            logged: named(LOGGED[kind]),
        }
    };
    (0..trials).map(|_| one()).collect()
}

#[test]
fn every_estimate_comes_to_the_truth_and_the_logged_mean_does_not() {
    let found = estimate(&world(1, 40_000)).unwrap();
    let truth = truth();
    for estimate in [found.ips, found.snips, found.dr].into_iter().flatten() {
        assert!((estimate.value - truth).abs() < 0.02, "{estimate:?} for {truth}");
        assert!(estimate.low < truth && truth < estimate.high, "{estimate:?} for {truth}");
    }
    assert!((found.logged.value - truth).abs() > 0.1, "{found:?}");
    assert!((found.coverage - 1.0).abs() < 1e-9 && found.effective < 40_000.0 && found.largest <= 4.0 + 1e-9);
}

#[test]
fn the_ends_hold_the_truth_as_often_as_they_say() {
    let (truth, worlds) = (truth(), 400);
    let mut held = [0_u32; 3];
    let mut width = [0.0; 3];
    for seed in 0..worlds {
        let found = estimate(&world(seed, 600)).unwrap();
        for (at, estimate) in [found.ips, found.snips, found.dr].into_iter().flatten().enumerate() {
            held[at] += u32::from(estimate.low < truth && truth < estimate.high);
            width[at] += estimate.high - estimate.low;
        }
    }
    for held in held {
        let share = f64::from(held) / f64::from(u32::try_from(worlds).unwrap());
        assert!((0.92..=0.98).contains(&share), "{share}");
    }
    assert!(width[2] < width[0], "a model makes the estimate steadier: {width:?}");
}

#[test]
fn what_was_never_drawn_is_said_to_be_uncovered() {
    let trial = Trial {
        reward: 1.0,
        action: "a".into(),
        propensity: 1.0,
        target: vec![("a".into(), 0.25), ("b".into(), 0.75)],
        logged: vec![("a".into(), 1.0)],
    };
    let found = estimate(&vec![trial; 10]).unwrap();
    assert!((found.coverage - 0.25).abs() < 1e-12);
    let never = Trial { target: vec![("b".into(), 1.0)], ..world(1, 1)[0].clone() };
    let never = Trial { action: "a".into(), ..never };
    let found = estimate(&[never]).unwrap();
    assert_eq!((found.ips, found.snips, found.dr), (None, None, None));
    let alone = Trial { logged: vec![("a".into(), 1.0)], target: vec![("b".into(), 1.0)], ..world(1, 1)[0].clone() };
    assert_eq!(format!("{:.0}", estimate(&[alone]).unwrap().coverage), "0", "nothing is not minus nothing");
    assert_eq!(estimate(&[]), None);
}

#[test]
fn the_same_way_of_choosing_is_worth_what_was_logged() {
    let trials: Vec<Trial> =
        world(3, 500).into_iter().map(|trial| Trial { target: trial.logged.clone(), ..trial }).collect();
    let found = estimate(&trials).unwrap();
    assert_eq!(found.ips, Some(found.logged));
    assert!((found.snips.unwrap().value - found.logged.value).abs() < 1e-12);
    assert!((found.dr.unwrap().value - found.logged.value).abs() < 0.02 && (found.effective - 500.0).abs() < 1e-6);
}
