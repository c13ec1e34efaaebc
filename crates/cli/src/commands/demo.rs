//! `vellum demo`: a real block executed, proven and verified, and forgeries refused.

use std::fmt::{Display, Formatter};
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::time::Instant;

use clap::Args;
use serde::Serialize;
use vellum_block::BlockInput;
use vellum_zkvm::{
    Limits, Machine, Profile, Program, ProgramKey, Silent, Verified, VerifyFileError, execute, verify,
};

use super::block::{Statement, Transaction, execute_natively, guest, require_agreement, transactions};
use crate::exit::{Code, Failure, reason};
use crate::proof::{MemoryArgument, Proven, prove_into};

/// Prove a bundled Ethereum block, verify the proof, and show that forgeries are refused
#[derive(Args)]
pub(crate) struct Demo {
    #[command(flatten)]
    memory: MemoryArgument,
}

/// 54 real transactions, captured from a real client with their witness (crates/block/testdata).
static BLOCK: &[u8] = include_bytes!("../../../block/testdata/demo.block");

#[derive(Serialize)]
pub(crate) struct Report {
    #[serde(flatten)]
    proven: Proven,
    #[serde(flatten)]
    statement: Statement,
    transactions: Vec<Transaction>,
    verified: bool,
    verify_seconds: f64,
    /// Why the proof with one changed byte was refused.
    tampered_proof: String,
    /// Why the block with one changed witness byte was refused.
    tampered_block: String,
}

impl Demo {
    pub(crate) fn run(&self) -> Result<Report, Failure> {
        let started = Instant::now();
        say("executing the block natively");
        let outcome = execute_natively(BLOCK)?;
        say("setting up the machine");
        let machine = Machine::new(Profile::Standard);
        let key = ProgramKey::new(&machine, guest()?);
        say("executing the block in the zkVM");
        let execution = execute(&key.program, BLOCK, Limits::default(), &mut Silent)?;
        require_agreement(execution.exit.status, execution.output.as_deref(), &outcome)?;
        let transactions = transactions(&machine, BLOCK, &outcome, &execution.marks)?;
        drop(execution);

        say("proving");
        // Without a name: the system removes it, however this process ends.
        let mut file = tempfile::tempfile().map_err(temporary)?;
        let mut buffered = BufWriter::new(&mut file);
        let proven = prove_into(&mut buffered, &machine, &key, BLOCK, self.memory.memory, started)?;
        drop(buffered);

        say("verifying");
        let verifying = Instant::now();
        let verified = verify_from_start(&machine, &proven.vk, &mut file)??;
        let verify_seconds = verifying.elapsed().as_secs_f64();
        require_agreement(verified.exit_status, verified.output.as_deref(), &outcome)?;

        say("tampering with the proof");
        flip_byte(&mut file, proven.proof_bytes / 2).map_err(temporary)?;
        let tampered_proof = refused("proof", verify_from_start(&machine, &proven.vk, &mut file)?)?;
        say("tampering with the block");
        let tampered_block = refuse_tampered_block(&key.program)?;
        Ok(Report {
            proven,
            statement: outcome.public.into(),
            transactions,
            verified: true,
            verify_seconds,
            tampered_proof,
            tampered_block,
        })
    }
}

fn verify_from_start(
    machine: &Machine,
    vk: &[u8; 32],
    file: &mut File,
) -> Result<Result<Verified, VerifyFileError>, Failure> {
    file.seek(SeekFrom::Start(0)).map_err(temporary)?;
    match verify(machine, vk, &mut BufReader::new(file)) {
        Err(VerifyFileError::Read(error)) => Err(temporary(error)),
        result => Ok(result),
    }
}

fn flip_byte(file: &mut File, position: u64) -> io::Result<()> {
    let mut byte = [0];
    file.seek(SeekFrom::Start(position))?;
    file.read_exact(&mut byte)?;
    file.seek(SeekFrom::Start(position))?;
    file.write_all(&[byte[0] ^ 1])
}

/// Changes one byte of a witness node: the native execution and the guest must both refuse.
fn refuse_tampered_block(program: &Program) -> Result<String, Failure> {
    let input = BlockInput::parse(BLOCK).map_err(Failure::internal)?;
    let mut nodes = input.nodes.to_vec();
    let middle = nodes.len() / 2;
    nodes[middle] ^= 1;
    let tampered = BlockInput { nodes: &nodes, ..input }.encode().map_err(Failure::internal)?;
    let execution = execute(program, &tampered, Limits::default(), &mut Silent)?;
    if execution.exit.status == 0 {
        return Err(accepted("block"));
    }
    match execute_natively(&tampered) {
        Err(Failure { code: Code::NotValid, message }) => Ok(message),
        Err(failure) => Err(failure),
        Ok(_) => Err(accepted("block")),
    }
}

fn refused(what: &str, result: Result<Verified, VerifyFileError>) -> Result<String, Failure> {
    match result {
        Ok(_) => Err(accepted(what)),
        Err(error) => Ok(error.to_string()),
    }
}

fn accepted(what: &str) -> Failure {
    Failure::not_valid(format_args!("a tampered {what} was accepted"))
}

fn temporary(error: io::Error) -> Failure {
    Failure::internal(format_args!("temporary file: {}", reason(&error)))
}

fn say(step: &str) {
    eprintln!("{step} …");
}

impl Display for Report {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.statement)?;
        for transaction in &self.transactions {
            writeln!(f, "transaction      {transaction}")?;
        }
        write!(f, "{}", self.proven)?;
        writeln!(f, "verified in {:.2} s", self.verify_seconds)?;
        writeln!(f, "a proof with one changed byte is refused: {}", self.tampered_proof)?;
        writeln!(f, "a block with one changed witness byte is refused: {}", self.tampered_block)
    }
}
