//! The L1 contracts as the node calls them, and their committed artifacts (contracts/artifacts).

use alloy_primitives::Bytes;
use alloy_sol_types::sol;
use serde::Deserialize;
use thiserror::Error;

sol! {
    #![sol(all_derives)]

    /// What is hashed into a batch hash.
    struct BatchHeader {
        uint8 version;
        uint64 index;
        bytes32 parentHash;
        bytes32 claimedOutputRoot;
        uint64 lastBlock;
        uint64 depositCount;
        bytes32 depositHash;
        uint64 l1Number;
        bytes32 l1Hash;
        bool forced;
        bytes32[] blobHashes;
    }

    /// One blob's point evaluation.
    struct Blob {
        bytes32 versionedHash;
        bytes32 z;
        bytes32 y;
    }

    /// What the guest program commits.
    struct PublicOutput {
        bytes32 configHash;
        bytes32 previousOutputRoot;
        bytes32 previousBatchHash;
        bytes32 outputRoot;
        bytes32 batchHash;
        uint64 lastBlock;
        bytes32 lastBlockHash;
        Blob[] blobs;
        uint64 previousDepositCount;
        bytes32 previousDepositHash;
        uint64 depositCount;
        bytes32 depositHash;
        uint64 l1Number;
        bytes32 l1Hash;
    }

    /// Settlement parameters.
    struct RollupParams {
        bytes32 configHash;
        bytes32 genesisOutputRoot;
        address portal;
        address registry;
        address owner;
        address proposer;
        uint256 bond;
        uint64 challengeWindow;
        uint64 executionDelay;
        uint64 forcedInclusionDelay;
        uint64 fallbackDelay;
        uint64 maxDepositsPerBatch;
        uint64 l2BlockTime;
        uint64 submissionInterval;
    }

    /// What a committer says of its batch.
    struct BatchClaim {
        bytes32 parentHash;
        bytes32 outputRoot;
        uint64 lastBlock;
        uint64 depositCount;
        bytes32 depositHash;
        uint64 l1Number;
        bytes32 l1Hash;
    }

    /// What L1 keeps of a batch.
    struct Batch {
        bytes32 hash;
        bytes32 outputRoot;
        address committer;
        uint48 committedAt;
        uint48 l1Number;
        uint64 lastBlock;
        uint64 depositCount;
        uint64 settledAt;
        uint64 settledIn;
    }

    /// An L2 output as the L2OutputOracle gives it.
    struct OutputProposal {
        bytes32 outputRoot;
        uint128 timestamp;
        uint128 l2BlockNumber;
    }

    /// The parts of an output root.
    struct OutputRootProof {
        bytes32 version;
        bytes32 stateRoot;
        bytes32 messagePasserStorageRoot;
        bytes32 latestBlockhash;
    }

    /// A message from L2 to L1.
    #[derive(serde::Serialize, serde::Deserialize)]
    struct WithdrawalTransaction {
        uint256 nonce;
        address sender;
        address target;
        uint256 value;
        uint256 gasLimit;
        bytes data;
    }

    /// contracts/src/l1/Rollup.sol.
    interface Rollup {
        event BatchCommitted(uint64 indexed index, bytes32 indexed batchHash, BatchHeader header);
        event BatchesProven(uint64 indexed first, uint64 indexed last, bytes32 outputRoot, uint64 lastBlock, bool claimHeld);
        event BatchesFinalized(uint64 indexed last);
        event BatchesReverted(uint64 indexed last);

        error NotProposer(uint256 fallbackFrom);
        error WrongBond(uint256 expected, uint256 got);
        error WrongParent(bytes32 expected, bytes32 got);
        error NoBlobs();
        error AnchorTooOld(uint64 parentNumber, uint64 number);
        error WrongAnchor(uint64 number, bytes32 expected, bytes32 got);
        error WrongDepositCount(uint64 lowest, uint64 highest, uint64 got);
        error WrongDepositHash(uint64 count, bytes32 expected, bytes32 got);
        error DepositOverdue(uint64 number);
        error WrongRange(uint64 first, uint64 last);
        error WrongOutput(bytes32 field);
        error NotFinalizable(uint64 index, uint256 readyAt);
        error NeedsProof(uint64 index);
        error IsFrozen();
        error WrongOpeningsLength(uint256 expected, uint256 got);
        error WrongOpening(uint256 position);

        function commitBatch(BatchClaim claim) external payable returns (bytes32 batchHash);
        function proveBatches(uint64 first, uint64 last, uint256 programVersion, PublicOutput output, bytes openings, bytes[] proofs) external;
        function finalize(uint64 last) external;
        function batchHash(uint64 index) external view returns (bytes32);
        function batch(uint64 index) external view returns (Batch);
        function lastCommitted() external view returns (uint64);
        function lastProven() external view returns (uint64);
        function lastFinalized() external view returns (uint64);
        function bond() external view returns (uint256);
        function proposer() external view returns (address);
        function configHash() external view returns (bytes32);
        function executionDelay() external view returns (uint64);
        function challengeWindow() external view returns (uint64);
        function maxDepositsPerBatch() external view returns (uint64);
        function getL2Output(uint256 index) external view returns (OutputProposal);
        function getL2OutputIndexAfter(uint256 l2BlockNumber) external view returns (uint256);
    }

    /// contracts/src/l1/Portal.sol.
    interface Portal {
        event TransactionDeposited(address indexed from, address indexed to, uint256 indexed version, bytes opaqueData);
        event WithdrawalProven(bytes32 indexed withdrawalHash, address indexed from, address indexed to);
        event WithdrawalFinalized(bytes32 indexed withdrawalHash, bool success);

        error GasLimitTooLow(uint64 minimum, uint64 got);
        error NotProven(bytes32 withdrawalHash);
        error AlreadyProven(bytes32 withdrawalHash);
        error AlreadyFinalized(bytes32 withdrawalHash);

        function depositTransaction(address to, uint256 value, uint64 gasLimit, bool isCreation, bytes data) external payable;
        function proveWithdrawalTransaction(WithdrawalTransaction withdrawal, uint256 l2OutputIndex, OutputRootProof outputRootProof, bytes[] withdrawalProof) external;
        function finalizeWithdrawalTransaction(WithdrawalTransaction withdrawal) external;
        function provenWithdrawals(bytes32 withdrawalHash) external view returns (bytes32 outputRoot, uint128 timestamp, uint128 l2OutputIndex);
        function finalizedWithdrawals(bytes32 withdrawalHash) external view returns (bool);
        function isOutputFinalized(uint256 l2OutputIndex) external view returns (bool);
        function depositCount() external view returns (uint64);
        function depositHash(uint64 count) external view returns (bytes32);
        function rollup() external view returns (address);
    }

    /// contracts/src/l1/VerifierRegistry.sol.
    interface VerifierRegistry {
        function program(uint256 version) external view returns (bytes32 programVk, address[] verifiers);
    }

    /// contracts/src/l1/AttestedVerifier.sol.
    interface AttestedVerifier {
        function threshold() external view returns (uint256);
        function signers() external view returns (address[]);
    }

    /// contracts/src/l2/L2ToL1MessagePasser.sol.
    interface MessagePasser {
        event MessagePassed(uint256 indexed nonce, address indexed sender, address indexed target, uint256 value, uint256 gasLimit, bytes data, bytes32 withdrawalHash);

        function initiateWithdrawal(address target, uint256 gasLimit, bytes data) external payable;
    }

    /// Constructors, whose arguments are encoded as a function's.
    interface Constructors {
        function timelock(uint256 minDelay, address[] proposers, address[] executors, address admin) external;
        function attestedVerifier(address[] signers, uint256 threshold) external;
        function verifierRegistry(address owner, uint256 version, bytes32 programVk, address[] verifiers) external;
        function portal(address rollup, uint64 maxDepositGas) external;
        function rollup(RollupParams params) external;
        function bridge(address portal) external;
        function token(string name, string symbol, uint256 supply) external;
    }

    /// An ERC-20 token.
    interface Token {
        event Transfer(address indexed from, address indexed to, uint256 value);

        function transfer(address to, uint256 value) external returns (bool);
        function balanceOf(address account) external view returns (uint256);
    }
}

/// An artifact that is not what the build wrote.
#[derive(Debug, Error)]
#[error("the artifact of {contract} is damaged: {reason}")]
pub struct ArtifactError {
    /// Contract.
    pub contract: &'static str,
    /// Why.
    pub reason: String,
}

/// A contract's compiled code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Artifact {
    /// Name.
    pub contract: &'static str,
    json: &'static str,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Code {
    bytecode: Bytes,
    deployed_bytecode: Bytes,
}

impl Artifact {
    /// Owner of the others.
    pub const TIMELOCK: Self =
        artifact("Timelock", include_str!("../../../contracts/artifacts/Timelock.json"));
    /// m-of-n attestations.
    pub const ATTESTED_VERIFIER: Self =
        artifact("AttestedVerifier", include_str!("../../../contracts/artifacts/AttestedVerifier.json"));
    /// Program versions.
    pub const VERIFIER_REGISTRY: Self =
        artifact("VerifierRegistry", include_str!("../../../contracts/artifacts/VerifierRegistry.json"));
    /// Messages.
    pub const PORTAL: Self = artifact("Portal", include_str!("../../../contracts/artifacts/Portal.json"));
    /// Batches.
    pub const ROLLUP: Self = artifact("Rollup", include_str!("../../../contracts/artifacts/Rollup.json"));
    /// Tokens.
    pub const BRIDGE: Self =
        artifact("L1StandardBridge", include_str!("../../../contracts/artifacts/L1StandardBridge.json"));
    /// An ERC-20 token for demonstrations.
    pub const TOKEN: Self =
        artifact("ExampleToken", include_str!("../../../contracts/artifacts/ExampleToken.json"));

    /// What L2 knows of L1.
    pub const L1_BLOCK: Self = artifact("L1Block", include_str!("../../../contracts/artifacts/L1Block.json"));
    /// Messages from L2.
    pub const MESSAGE_PASSER: Self = artifact(
        "L2ToL1MessagePasser",
        include_str!("../../../contracts/artifacts/L2ToL1MessagePasser.json"),
    );
    /// Tokens on L2.
    pub const L2_BRIDGE: Self =
        artifact("L2StandardBridge", include_str!("../../../contracts/artifacts/L2StandardBridge.json"));
    /// L1 fees.
    pub const GAS_PRICE_ORACLE: Self =
        artifact("GasPriceOracle", include_str!("../../../contracts/artifacts/GasPriceOracle.json"));
    /// Collected fees.
    pub const FEE_VAULT: Self =
        artifact("FeeVault", include_str!("../../../contracts/artifacts/FeeVault.json"));
    /// L2 tokens of L1 tokens.
    pub const TOKEN_FACTORY: Self = artifact(
        "OptimismMintableERC20Factory",
        include_str!("../../../contracts/artifacts/OptimismMintableERC20Factory.json"),
    );
    /// Many calls in one, on L1 and L2.
    pub const MULTICALL3: Self =
        artifact("Multicall3", include_str!("../../../contracts/artifacts/Multicall3.json"));
    /// Ether as a token.
    pub const WETH: Self = artifact("WETH9", include_str!("../../../contracts/artifacts/WETH9.json"));

    /// Code that is executed when the contract is called, for a genesis.
    ///
    /// # Errors
    /// A damaged artifact.
    pub fn runtime(&self) -> Result<Bytes, ArtifactError> {
        Ok(self.code()?.deployed_bytecode)
    }

    fn code(&self) -> Result<Code, ArtifactError> {
        serde_json::from_str(self.json)
            .map_err(|error| ArtifactError { contract: self.contract, reason: error.to_string() })
    }

    /// Creation code with the constructor's arguments, given as calldata of one of [`Constructors`]' functions.
    ///
    /// # Errors
    /// A damaged artifact.
    pub fn creation(&self, call: &[u8]) -> Result<Bytes, ArtifactError> {
        let reason = || ArtifactError { contract: self.contract, reason: "no arguments".to_owned() };
        let (_selector, arguments) = call.split_first_chunk::<4>().ok_or_else(reason)?;
        Ok([&self.code()?.bytecode[..], arguments].concat().into())
    }
}

const fn artifact(contract: &'static str, json: &'static str) -> Artifact {
    Artifact { contract, json }
}
