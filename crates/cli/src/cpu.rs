//! A binary compiled for one processor says so on another, instead of dying of an illegal instruction.

/// An instruction set extension: its name, whether this binary uses it, whether the processor has it.
type Extension = (&'static str, bool, fn() -> bool);

#[cfg(target_arch = "x86_64")]
const EXTENSIONS: &[Extension] = &[
    ("sse4.2", cfg!(target_feature = "sse4.2"), || is_x86_feature_detected!("sse4.2")),
    ("avx", cfg!(target_feature = "avx"), || is_x86_feature_detected!("avx")),
    ("avx2", cfg!(target_feature = "avx2"), || is_x86_feature_detected!("avx2")),
    ("fma", cfg!(target_feature = "fma"), || is_x86_feature_detected!("fma")),
    ("bmi1", cfg!(target_feature = "bmi1"), || is_x86_feature_detected!("bmi1")),
    ("bmi2", cfg!(target_feature = "bmi2"), || is_x86_feature_detected!("bmi2")),
    ("lzcnt", cfg!(target_feature = "lzcnt"), || is_x86_feature_detected!("lzcnt")),
    ("adx", cfg!(target_feature = "adx"), || is_x86_feature_detected!("adx")),
    ("sha", cfg!(target_feature = "sha"), || is_x86_feature_detected!("sha")),
    ("gfni", cfg!(target_feature = "gfni"), || is_x86_feature_detected!("gfni")),
    ("vaes", cfg!(target_feature = "vaes"), || is_x86_feature_detected!("vaes")),
    ("avx512f", cfg!(target_feature = "avx512f"), || is_x86_feature_detected!("avx512f")),
    ("avx512bw", cfg!(target_feature = "avx512bw"), || is_x86_feature_detected!("avx512bw")),
    ("avx512cd", cfg!(target_feature = "avx512cd"), || is_x86_feature_detected!("avx512cd")),
    ("avx512dq", cfg!(target_feature = "avx512dq"), || is_x86_feature_detected!("avx512dq")),
    ("avx512vl", cfg!(target_feature = "avx512vl"), || is_x86_feature_detected!("avx512vl")),
    ("avx512ifma", cfg!(target_feature = "avx512ifma"), || is_x86_feature_detected!("avx512ifma")),
    ("avx512vbmi", cfg!(target_feature = "avx512vbmi"), || is_x86_feature_detected!("avx512vbmi")),
    ("avx512vbmi2", cfg!(target_feature = "avx512vbmi2"), || is_x86_feature_detected!("avx512vbmi2")),
    ("avx512bf16", cfg!(target_feature = "avx512bf16"), || is_x86_feature_detected!("avx512bf16")),
];

#[cfg(target_arch = "aarch64")]
const EXTENSIONS: &[Extension] = &[
    ("lse", cfg!(target_feature = "lse"), || std::arch::is_aarch64_feature_detected!("lse")),
    ("sha3", cfg!(target_feature = "sha3"), || std::arch::is_aarch64_feature_detected!("sha3")),
    ("sve", cfg!(target_feature = "sve"), || std::arch::is_aarch64_feature_detected!("sve")),
    ("sve2", cfg!(target_feature = "sve2"), || std::arch::is_aarch64_feature_detected!("sve2")),
];

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
const EXTENSIONS: &[Extension] = &[];

/// The first extension that this binary uses and this processor lacks.
pub(crate) fn missing() -> Option<&'static str> {
    first_missing(EXTENSIONS)
}

fn first_missing(extensions: &[Extension]) -> Option<&'static str> {
    extensions.iter().find(|(_, used, has)| *used && !has()).map(|(name, ..)| *name)
}

#[cfg(test)]
mod tests {
    use super::{first_missing, missing};

    #[test]
    fn only_what_is_used_can_be_missing() {
        assert_eq!(missing(), None);
        assert_eq!(first_missing(&[("a", false, || false), ("b", true, || true)]), None);
        assert_eq!(first_missing(&[("a", true, || true), ("b", true, || false)]), Some("b"));
    }
}
