//! The one function that sends bytes of a request to anybody: to a deployment that answers it, and to a classifier that
//! says what it is about.

use std::time::Duration;

use crate::{
    policy::Cleared,
    transport::{Transport, WireError, WireRequest, WireResponse},
};

/// Sends `request`. It takes a [`Cleared`], which only policy can make.
///
/// # Errors
/// Why nothing came back.
pub async fn send(
    cleared: Cleared,
    transport: &dyn Transport,
    request: WireRequest,
    connect: Duration,
) -> Result<WireResponse, WireError> {
    // The permission is used up by the sending.
    let Cleared { .. } = cleared;
    transport.send(request, connect).await
}
