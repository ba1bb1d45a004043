use super::*;

/// Four prompts in two domains; model 0 is weak and costs 1, model 1 strong and costs 5, model 2 is worse and dearer.
fn sample(plans: Vec<Plan>) -> Study {
    Study {
        scores: vec![vec![1.0, 1.0, 0.0], vec![0.0, 1.0, 0.0], vec![0.0, 1.0, 1.0], vec![1.0, 0.0, 0.0]],
        costs: vec![vec![1.0, 5.0, 7.0]; 4],
        domains: vec![0, 0, 1, 1],
        plans,
        strong: 1,
        weak: 0,
        threshold: 0.5,
        resamples: 50,
        seed: 7,
    }
}

fn close(found: f64, expected: f64) {
    assert!((found - expected).abs() < 1e-12, "{found} is not {expected}");
}

#[test]
fn the_oracle_takes_the_best_answer_and_of_several_the_cheapest() {
    let found = study(&sample(vec![Plan::Oracle])).unwrap();
    let oracle = &found.strategies[0];
    close(oracle.measures.quality, 1.0);
    close(oracle.measures.cost, (1.0 + 5.0 + 5.0 + 1.0) / 4.0);
    close(oracle.measures.oracle_gap, 0.0);
    assert_eq!(oracle.confusion, [(0, 0, 2), (1, 1, 2)]);
    assert_eq!(found.best, 1);
    close(found.models[1].quality, 0.75);
}

#[test]
fn choices_are_measured_as_they_would_run() {
    let found = study(&sample(vec![Plan::Choices(vec![Some(0), Some(1), Some(1), Some(1)])])).unwrap();
    let Measures { quality, cost, oracle_gap, cost_saved95, pgr, .. } = found.strategies[0].measures;
    close(quality, 0.75);
    close(cost, 4.0);
    close(oracle_gap, 0.25);
    close(cost_saved95.unwrap(), 0.2);
    close(pgr.unwrap(), 1.0);
    // Weak alone at 0.5, this at three quarters of the calls with 0.75, strong alone at 0.75.
    close(found.strategies[0].measures.apgr.unwrap(), 0.75 / 2.0 + 0.25);
    assert_eq!(found.strategies[0].confusion, [(0, 0, 1), (0, 1, 1), (1, 1, 2)]);
}

#[test]
fn a_refused_prompt_has_no_quality_and_no_cost() {
    let found = study(&sample(vec![Plan::Choices(vec![None, Some(1), Some(1), Some(2)])])).unwrap();
    let strategy = &found.strategies[0];
    assert_eq!(strategy.refused, 1);
    close(strategy.measures.quality, 0.5);
    close(strategy.measures.cost, 17.0 / 4.0);
    assert_eq!(strategy.measures.apgr, None);
}

#[test]
fn win_rates_give_a_curve_and_run_at_the_threshold() {
    let found = study(&sample(vec![Plan::Wins(vec![0.2, 0.9, 0.8, 0.1]), Plan::Random])).unwrap();
    let [knows, random] = &found.strategies[..] else { panic!() };
    close(knows.measures.quality, 1.0);
    close(knows.measures.cost, 3.0);
    close(knows.measures.cost_saved95.unwrap(), 1.0 - (1.0 + 4.0 * 0.25 * (0.7125 - 0.5) / 0.25) / 5.0);
    assert!(knows.measures.apgr > random.measures.apgr);
    close(random.measures.apgr.unwrap(), 0.5);
    close(random.measures.cpt80.unwrap(), 80.0);
}

#[test]
fn domains_add_up_to_the_whole() {
    let found = study(&sample(vec![Plan::Choices(vec![Some(1); 4])])).unwrap();
    let rows: Vec<(usize, f64, f64)> =
        found.strategies[0].domains.iter().map(|row| (row.prompts, row.quality, row.oracle)).collect();
    assert_eq!(rows, [(2, 1.0, 1.0), (2, 0.5, 1.0)]);
}

#[test]
fn the_same_seed_draws_the_same_intervals_and_they_hold_the_figure() {
    let plans = || vec![Plan::Choices(vec![Some(1); 4])];
    let intervals = |seed| study(&Study { seed, ..sample(plans()) }).unwrap().strategies[0].intervals.clone();
    assert_eq!(intervals(7), intervals(7));
    let (_, low, high) = intervals(7)[0];
    assert!(low <= 0.75 && 0.75 <= high && low < high);
    assert!(study(&Study { resamples: 0, ..sample(plans()) }).unwrap().strategies[0].intervals.is_empty());
}

#[test]
fn tables_that_do_not_fit_are_refused() {
    let wrong = [
        Study { scores: Vec::new(), ..sample(Vec::new()) },
        Study { domains: vec![0], ..sample(Vec::new()) },
        Study { strong: 0, ..sample(Vec::new()) },
        sample(vec![Plan::Choices(vec![Some(9); 4])]),
        sample(vec![Plan::Wins(vec![f64::NAN; 4])]),
    ];
    for wrong in wrong {
        assert_eq!(study(&wrong).unwrap_err().kind, ErrorKind::InvalidRequest);
    }
}

#[test]
fn predictions_of_every_model_run_at_every_price_of_quality() {
    // The truth as a prediction, but for the last prompt.
    let values = vec![vec![1.0, 1.0, 0.0], vec![0.0, 1.0, 0.0], vec![0.0, 1.0, 1.0], vec![0.2, 0.1, 0.0]];
    let found = study(&sample(vec![Plan::Values(values)])).unwrap();
    let strategy = &found.strategies[0];
    close(strategy.measures.quality, 1.0);
    close(strategy.measures.cost, 3.0);
    let ends = (strategy.frontier.last().unwrap(), strategy.frontier.first().unwrap());
    assert_eq!(*ends.0, Point { strong: 0.5, quality: 1.0, cost: 3.0 });
    assert_eq!(*ends.1, Point { strong: 0.0, quality: 0.5, cost: 1.0 });
    // Half of the gain of the two prompts that gain costs one call in four.
    close(strategy.curve.last().unwrap().quality, 0.75);
    assert!(strategy.measures.apgr.unwrap() > 1.0);
    assert!(strategy.measures.cost_saved95.unwrap() > 0.4);
    let short = vec![vec![1.0, 1.0, 0.0]];
    assert_eq!(study(&sample(vec![Plan::Values(short)])).unwrap_err().kind, ErrorKind::InvalidRequest);
}
