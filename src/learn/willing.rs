//! `RouterBench`'s way of running a predictor of each model's quality: of all models the one whose predicted quality is worth most
//! over its cost, at some price of quality. Each price is another way of running it.
//!
//! The prices are read off the predictions: where many prompts change their model there are many prices, and none where nothing
//! changes.

/// Prices between "the best predicted, whatever it costs" and "the cheapest": as many as a chart can show.
const PRICES: usize = 40;

/// For each price, from the lowest on, the model of each prompt. `values` are the predictions, `costs` what a call of each model
/// is expected to cost.
pub(super) fn choices(values: &[Vec<f64>], costs: &[f64]) -> Vec<Vec<usize>> {
    let at = |price: f64| values.iter().map(|row| preferred(row, costs, price)).collect();
    let mut ways: Vec<Vec<usize>> = prices(values, costs).into_iter().map(at).collect();
    ways.dedup();
    ways
}

/// The model whose predicted quality less its cost at this price of money is highest; of several the cheapest, then the first.
fn preferred(row: &[f64], costs: &[f64], price: f64) -> usize {
    let worth = |model: usize| row[model] - price * costs[model];
    let better = |a: &usize, b: &usize| worth(*b).total_cmp(&worth(*a)).then(costs[*a].total_cmp(&costs[*b]));
    (0..row.len()).min_by(better).unwrap_or_default()
}

/// Nothing, and the prices at which equally many prompts would have changed from one model to a cheaper one.
fn prices(values: &[Vec<f64>], costs: &[f64]) -> Vec<f64> {
    let pairs = || (0..costs.len()).flat_map(|dear| (0..costs.len()).map(move |cheap| (dear, cheap)));
    let saving = |(dear, cheap): &(usize, usize)| costs[*dear] > costs[*cheap];
    let change = |row: &Vec<f64>| -> Vec<f64> {
        let gained = |(dear, cheap)| (row[dear] - row[cheap]) / (costs[dear] - costs[cheap]);
        pairs().filter(saving).map(gained).filter(|price| *price > 0.0).collect()
    };
    let mut changes: Vec<f64> = values.iter().flat_map(change).collect();
    changes.sort_by(f64::total_cmp);
    let nth = |step: usize| changes.get((changes.len().checked_sub(1)? * step) / PRICES).copied();
    // A little more than the highest: rounding must not leave a prompt with the dearer model there.
    let last = changes.last().map(|price| price * 2.0);
    [0.0].into_iter().chain((0..=PRICES).filter_map(nth)).chain(last).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_starts_with_the_best_predicted_and_ends_with_the_cheapest() {
        let values = [vec![0.2, 0.9, 0.8], vec![0.6, 0.7, 0.6], vec![0.5, 0.5, 0.5]];
        let ways = choices(&values, &[1.0, 10.0, 4.0]);
        assert_eq!(ways.first(), Some(&vec![1, 1, 0]));
        assert_eq!(ways.last(), Some(&vec![0, 0, 0]));
        // In between the first prompt goes to the model that is nearly as good at less than half the cost.
        assert!(ways.contains(&vec![2, 0, 0]), "{ways:?}");
    }

    #[test]
    fn without_costs_there_is_one_way() {
        assert_eq!(choices(&[vec![0.2, 0.9], vec![0.6, 0.1]], &[0.0, 0.0]), [vec![1, 0]]);
    }
}
