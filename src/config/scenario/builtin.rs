//! Scenarios that need no file: the outages that operators ask about most.

use serde_json::Value;

/// What stands in a built-in scenario for whoever it is aimed at.
const AIM: &str = "AIM";

/// A scenario that is part of the package.
#[derive(Clone, Copy, Debug)]
pub struct Builtin {
    /// What `--scenario` calls it.
    pub name: &'static str,
    /// What happens, in a sentence.
    pub about: &'static str,
    /// The scenario, as a file would have it.
    pub text: &'static str,
}

/// The built-in scenarios. Each is half an hour with ten minutes of trouble in the middle, but for the two that cannot be.
pub static BUILTIN: [Builtin; 10] = [
    Builtin { name: "calm", about: "nothing goes wrong", text: "duration = \"30m\"\n[traffic]\nrpm = 60\n" },
    Builtin {
        name: "outage",
        about: "no connection for ten minutes, answers under way are cut",
        text: "duration = \"30m\"\n[traffic]\nrpm = 60\n[[outages]]\non = \"AIM\"\nat = \"10m\"\nfor = \"10m\"\nfault = \"down\"\n",
    },
    Builtin {
        name: "errors",
        about: "every second request is answered with 503 for ten minutes",
        text: "duration = \"30m\"\n[traffic]\nrpm = 60\n[[outages]]\non = \"AIM\"\nat = \"10m\"\nfor = \"10m\"\nfault = 503\nshare = 0.5\n",
    },
    Builtin {
        name: "rate_limit",
        about: "429 with Retry-After for ten minutes",
        text: "duration = \"30m\"\n[traffic]\nrpm = 60\n[[outages]]\non = \"AIM\"\nat = \"10m\"\nfor = \"10m\"\nfault = 429\nretry_after = \"20s\"\n",
    },
    Builtin {
        name: "slow",
        about: "everything takes eight times as long for ten minutes",
        text: "duration = \"30m\"\n[traffic]\nrpm = 60\n[[outages]]\non = \"AIM\"\nat = \"10m\"\nfor = \"10m\"\nfault = \"slow\"\nfactor = 8\n",
    },
    Builtin {
        name: "silence",
        about: "requests are taken and never answered for ten minutes",
        text: "duration = \"30m\"\n[traffic]\nrpm = 60\n[[outages]]\non = \"AIM\"\nat = \"10m\"\nfor = \"10m\"\nfault = \"hang\"\n",
    },
    Builtin {
        name: "cut_streams",
        about: "a third of the answers is cut in the middle for ten minutes",
        text: "duration = \"30m\"\n[traffic]\nrpm = 60\n[[outages]]\non = \"AIM\"\nat = \"10m\"\nfor = \"10m\"\nfault = \"cut\"\nshare = 0.33\n",
    },
    Builtin {
        name: "flapping",
        about: "a minute down, a minute up, five times",
        text: "duration = \"30m\"\n[traffic]\nrpm = 60\n\
               [[outages]]\non = \"AIM\"\nat = \"10m\"\nfor = \"1m\"\nfault = \"down\"\n\
               [[outages]]\non = \"AIM\"\nat = \"12m\"\nfor = \"1m\"\nfault = \"down\"\n\
               [[outages]]\non = \"AIM\"\nat = \"14m\"\nfor = \"1m\"\nfault = \"down\"\n\
               [[outages]]\non = \"AIM\"\nat = \"16m\"\nfor = \"1m\"\nfault = \"down\"\n\
               [[outages]]\non = \"AIM\"\nat = \"18m\"\nfor = \"1m\"\nfault = \"down\"\n",
    },
    Builtin {
        name: "rush",
        about: "five times the calls for ten minutes, at providers with 30 places each",
        text: "duration = \"30m\"\n[traffic.usual]\nrpm = 60\n[traffic.rush]\nrpm = 240\nat = \"10m\"\nfor = \"10m\"\n\
               [deployments.\"*\"]\ncapacity = 30\nwhen_full = 429\nretry_after = \"2s\"\n",
    },
    Builtin {
        name: "random",
        about: "a day in which everybody has outages of every kind",
        text: "duration = \"1d\"\nstep = \"15m\"\n[traffic]\nrpm = 2\n\
               [chance]\non = \"*\"\nevery = \"3h\"\nlasts = \"10m\"\n\
               faults = [\"down\", \"hang\", \"slow\", \"cut\", \"stall\", \"reset\", 429, 500, 503]\n",
    },
];

/// Puts `on` where the scenario says whom it is aimed at.
pub(super) fn aim(value: &mut Value, on: &str) {
    match value {
        Value::String(text) if text == AIM => on.clone_into(text),
        Value::Array(items) => items.iter_mut().for_each(|item| aim(item, on)),
        Value::Object(map) => map.values_mut().for_each(|item| aim(item, on)),
        _ => {}
    }
}
