//! The one integration binary: what holds for the package as a whole.

#[cfg(test)]
mod architecture;
#[cfg(test)]
mod failover;
#[cfg(test)]
mod fuzz;
#[cfg(test)]
mod hedging;
#[cfg(test)]
mod queue;
#[cfg(test)]
mod simulated;
#[cfg(test)]
mod streams;
#[cfg(test)]
mod wire;
