//! Private keys: from standard keystore files with a password, from the environment, or the well-known ones of development.
//!
//! A key is named in one line: `file:PATH` (password in the variable `VELLUM_KEY_PASSWORD`, or in the file that
//! `VELLUM_KEY_PASSWORD_FILE` names), `env:VARIABLE` (32 bytes in hex), or `dev:N` (account N of the mnemonic that every
//! development chain funds). Keys that the world knows are refused on every chain that is not one for development, however
//! they are given.

use std::fmt::{Display, Formatter};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use alloy_primitives::{Address, B256};
use alloy_signer_local::{MnemonicBuilder, PrivateKeySigner, coins_bip39::English};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use thiserror::Error;

/// A private key that signs.
pub type Signer = PrivateKeySigner;

/// Chain ids on which the well-known keys may be used, and attestation alone may settle.
pub const DEV_CHAIN_IDS: [u64; 4] = [900, 901, 1337, 31337];
/// The mnemonic of the well-known accounts.
pub const DEV_MNEMONIC: &str = "test test test test test test test test test test test junk";
/// How many accounts of it a development chain funds.
pub const DEV_ACCOUNTS: u32 = 10;
/// Holds the password of keystore files.
pub const PASSWORD_VARIABLE: &str = "VELLUM_KEY_PASSWORD";
/// Names a file that holds it.
pub const PASSWORD_FILE_VARIABLE: &str = "VELLUM_KEY_PASSWORD_FILE";

/// Where a key comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeySource {
    /// A keystore file.
    File(PathBuf),
    /// An environment variable.
    Env(String),
    /// A well-known account.
    Dev(u32),
}

/// Why there is no key.
#[derive(Debug, Error)]
pub enum KeyError {
    /// Not one of the three forms.
    #[error("{0:?} names no key: expected file:PATH, env:VARIABLE or dev:N with N below {DEV_ACCOUNTS}")]
    Form(String),
    /// The variable is not there or no key.
    #[error("the environment variable {variable} {problem}")]
    Variable {
        /// Which.
        variable: String,
        /// What is wrong.
        problem: &'static str,
    },
    /// No password given.
    #[error("the key file {path} needs a password in {PASSWORD_VARIABLE} or {PASSWORD_FILE_VARIABLE}")]
    NoPassword {
        /// The file.
        path: String,
    },
    /// The file is not a keystore, or the password not its own.
    #[error("cannot open the key file {path}: {reason}")]
    File {
        /// The file.
        path: String,
        /// Why.
        reason: String,
    },
    /// A key that anybody has.
    #[error(
        "the key of {address} is publicly known: it is refused on chain {chain_id}, which is none for development"
    )]
    PubliclyKnown {
        /// Its account.
        address: Address,
        /// The chain.
        chain_id: u64,
    },
}

impl KeySource {
    /// The key, for use on a chain.
    ///
    /// # Errors
    /// Not there, not readable, or a publicly known one where that is not allowed.
    pub fn load(&self, chain_id: u64) -> Result<PrivateKeySigner, KeyError> {
        let signer = match self {
            Self::Dev(index) => dev(*index)?,
            Self::Env(variable) => from_environment(variable)?,
            Self::File(path) => from_file(path)?,
        };
        if !DEV_CHAIN_IDS.contains(&chain_id) && is_publicly_known(signer.address()) {
            return Err(KeyError::PubliclyKnown { address: signer.address(), chain_id });
        }
        Ok(signer)
    }
}

/// Account `index` of the well-known mnemonic.
///
/// # Errors
/// An index that development chains do not fund.
pub fn dev(index: u32) -> Result<PrivateKeySigner, KeyError> {
    let form = || KeyError::Form(format!("dev:{index}"));
    if index >= DEV_ACCOUNTS {
        return Err(form());
    }
    let builder = MnemonicBuilder::<English>::default().phrase(DEV_MNEMONIC).index(index);
    builder.and_then(|builder| builder.build()).map_err(|_| form())
}

fn is_publicly_known(address: Address) -> bool {
    (0..DEV_ACCOUNTS).any(|index| dev(index).is_ok_and(|signer| signer.address() == address))
}

fn from_environment(variable: &str) -> Result<PrivateKeySigner, KeyError> {
    let error = |problem| KeyError::Variable { variable: variable.to_owned(), problem };
    let text = std::env::var(variable).map_err(|_| error("is not set"))?;
    let key = B256::from_str(text.trim()).map_err(|_| error("does not hold 32 bytes in hex"))?;
    PrivateKeySigner::from_bytes(&key).map_err(|_| error("does not hold a key of secp256k1"))
}

fn from_file(path: &Path) -> Result<PrivateKeySigner, KeyError> {
    let shown = path.display().to_string();
    let password = match (std::env::var(PASSWORD_VARIABLE), std::env::var(PASSWORD_FILE_VARIABLE)) {
        (Ok(password), _) => password,
        (_, Ok(file)) => std::fs::read_to_string(&file)
            .map(|text| text.trim_end_matches(['\r', '\n']).to_owned())
            .map_err(|error| KeyError::File { path: file, reason: error.to_string() })?,
        _ => return Err(KeyError::NoPassword { path: shown }),
    };
    open_keystore(path, &password)
}

fn open_keystore(path: &Path, password: &str) -> Result<PrivateKeySigner, KeyError> {
    PrivateKeySigner::decrypt_keystore(path, password)
        .map_err(|error| KeyError::File { path: path.display().to_string(), reason: error.to_string() })
}

impl FromStr for KeySource {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let form = || KeyError::Form(shown(text));
        match text.split_once(':') {
            Some(("file", path)) if !path.is_empty() => Ok(Self::File(path.into())),
            Some(("env", variable)) if !variable.is_empty() => Ok(Self::Env(variable.to_owned())),
            Some(("dev", index)) => {
                let index = index.parse().ok().filter(|index| *index < DEV_ACCOUNTS);
                index.map(Self::Dev).ok_or_else(form)
            }
            _ => Err(form()),
        }
    }
}

/// Whoever passes the key itself by mistake does not find it in a log.
fn shown(text: &str) -> String {
    let hex = text.trim_start_matches("0x");
    if hex.len() == 64 && hex.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        "…".to_owned()
    } else {
        text.to_owned()
    }
}

impl Display for KeySource {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File(path) => write!(f, "file:{}", path.display()),
            Self::Env(variable) => write!(f, "env:{variable}"),
            Self::Dev(index) => write!(f, "dev:{index}"),
        }
    }
}

impl Serialize for KeySource {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for KeySource {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use alloy_primitives::address;

    use super::*;

    #[test]
    fn well_known_keys_work_on_development_chains_only() {
        let source: KeySource = "dev:0".parse().unwrap();
        let first = address!("f39Fd6e51aad88F6F4ce6aB8827279cffFb92266");
        assert_eq!(source.load(901).unwrap().address(), first);
        let error = source.load(1).unwrap_err();
        assert!(matches!(error, KeyError::PubliclyKnown { address, chain_id: 1 } if address == first));
    }

    #[test]
    fn other_forms_are_refused_without_showing_a_key() {
        for text in ["", "dev:10", "dev:x", "file:", "env:", "ftp:x"] {
            assert!(matches!(text.parse::<KeySource>(), Err(KeyError::Form(_))), "{text}");
        }
        let key = "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80";
        assert!(!key.parse::<KeySource>().unwrap_err().to_string().contains(key));
    }

    /// The test vector of the format's definition (Web3 Secret Storage, version 3).
    const KEYSTORE: &str = r#"{"crypto":{"cipher":"aes-128-ctr","cipherparams":{"iv":"6087dab2f9fdbbfaddc31a909735c1e6"},
        "ciphertext":"5318b4d5bcd28de64ee5559e671353e16f075ecae9f99c7a79a38af5f869aa46","kdf":"pbkdf2","kdfparams":{
        "c":262144,"dklen":32,"prf":"hmac-sha256",
        "salt":"ae3cd4e7013836a3df6bd7241b12db061dbe2c6785853cce422d148a624ce0bd"},
        "mac":"517ead924a9d0dc3124507e3393d175ce3ff7c1e96529c6c555ce9e51205e9b2"},
        "id":"3198bc9c-6672-5ab3-d995-4942343ae5b6","version":3}"#;

    #[test]
    fn a_keystore_needs_its_password() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key.json");
        std::fs::write(&path, KEYSTORE).unwrap();
        let signer = open_keystore(&path, "testpassword").unwrap();
        let key = "7a28b5ba57c53603b0b07b56bba752f7784bf506fa95edc395f5cf6c7514fe9d";
        assert_eq!(hex::encode(signer.to_bytes()), key);
        assert!(matches!(open_keystore(&path, "other"), Err(KeyError::File { .. })));
        let missing = folder.path().join("none");
        assert!(matches!(open_keystore(&missing, "testpassword"), Err(KeyError::File { .. })));
    }
}
