//! Identities for tool calls whose wire has none. Made from what the call says and where it stands, never drawn: the same
//! answer gives the same identities, and two calls of one conversation differ.

/// FNV-1a, 64 bits: small, stable between builds, and no secret hangs on it.
const OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
const PRIME: u64 = 0x0000_0100_0000_01b3;

/// An identity from the answer's own (response id, time) and the call's place, name and arguments.
pub fn made_up(answer: &str, place: u32, name: &str, arguments: &str) -> String {
    let mut hash = OFFSET;
    for piece in [answer.as_bytes(), &place.to_le_bytes(), name.as_bytes(), arguments.as_bytes()] {
        // 0xff stands in no UTF-8 text: it keeps ("ab", "c") and ("a", "bc") apart.
        for byte in piece.iter().chain(&[0xff]) {
            hash = (hash ^ u64::from(*byte)).wrapping_mul(PRIME);
        }
    }
    format!("call_{hash:016x}")
}

#[cfg(test)]
mod tests {
    use super::made_up;

    #[test]
    fn the_same_call_has_the_same_identity_and_others_differ() {
        let id = made_up("r", 0, "f", "{}");
        assert_eq!(id, made_up("r", 0, "f", "{}"));
        assert_eq!(id.len(), 21);
        for other in [made_up("r", 1, "f", "{}"), made_up("s", 0, "f", "{}"), made_up("r", 0, "f{", "}")] {
            assert_ne!(id, other);
        }
    }
}
