//! Where requests go: `{base}/{version}/models/{model}:{verb}`.

use std::fmt::Write as _;

use crate::catalog::Deployment;

/// What Google's own SDK appends to its base URL when nothing else is said.
const DEFAULT_VERSION: &str = "v1beta";
/// The same at Vertex.
const DEFAULT_VERTEX_VERSION: &str = "v1beta1";

/// The path below the deployment's base URL. A base URL that already ends in a version (or in Vertex's
/// `publishers/google`) gets no second one.
pub(super) fn path(deployment: &Deployment, verb: &str) -> String {
    let mut path = String::new();
    if !is_versioned(&deployment.base_url) {
        let default = if deployment.credential.project.is_some() { DEFAULT_VERTEX_VERSION } else { DEFAULT_VERSION };
        path = format!("/{}", deployment.api_version.as_deref().unwrap_or(default));
    }
    for segment in resource(deployment).split('/') {
        path.push('/');
        encode(segment, &mut path);
    }
    path.push(':');
    path.push_str(verb);
    path
}

/// The model as Google's resource name: `models/gemini-…`, also where the user left `models/` out.
pub(super) fn model(deployment: &Deployment) -> String {
    if deployment.model.contains('/') { deployment.model.clone() } else { format!("models/{}", deployment.model) }
}

/// In a cloud project the model's name says also where it runs.
fn resource(deployment: &Deployment) -> String {
    let model = model(deployment);
    let Some(project) = deployment.credential.project.as_ref().filter(|_| !model.starts_with("projects/")) else {
        return model;
    };
    let location = deployment.credential.location.as_deref().unwrap_or("global");
    let publisher = if model.starts_with("publishers/") { "" } else { "publishers/google/" };
    format!("projects/{project}/locations/{location}/{publisher}{model}")
}

fn is_versioned(base: &str) -> bool {
    let last = base.rsplit('/').next().unwrap_or("");
    ["v1", "v1alpha", "v1beta", "v1beta1"].contains(&last) || base.ends_with("/publishers/google")
}

/// Percent-encodes what may not stand in a path segment, so that no model name can change the path's meaning.
fn encode(segment: &str, into: &mut String) {
    for byte in segment.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~@".contains(&byte) {
            into.push(byte.into());
        } else {
            // Writing to a string cannot fail.
            let _ = write!(into, "%{byte:02X}");
        }
    }
}
