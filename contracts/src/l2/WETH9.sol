// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

/// @title WETH9
/// @notice Predeploy 0x42…06. Ether as an ERC-20 token, with the interface that everyone knows.
contract WETH9 {
    /// @notice An allowance was set.
    event Approval(address indexed src, address indexed guy, uint256 wad);
    /// @notice Tokens moved.
    event Transfer(address indexed src, address indexed dst, uint256 wad);
    /// @notice Ether was wrapped.
    event Deposit(address indexed dst, uint256 wad);
    /// @notice Ether was unwrapped.
    event Withdrawal(address indexed src, uint256 wad);

    /// @notice The account holds less.
    error InsufficientBalance(uint256 balance, uint256 wanted);
    /// @notice The caller may move less.
    error InsufficientAllowance(uint256 allowance, uint256 wanted);
    /// @notice The receiver refused its ether.
    error TransferFailed();

    /// @notice Token name.
    string public constant name = "Wrapped Ether";
    /// @notice Token symbol.
    string public constant symbol = "WETH";
    /// @notice Token decimals.
    uint8 public constant decimals = 18;

    /// @notice Tokens of an account. Slot 0.
    mapping(address account => uint256) public balanceOf;
    /// @notice Tokens of an owner that a spender may move. Slot 1.
    mapping(address owner => mapping(address spender => uint256)) public allowance;

    /// @notice Wraps the sent ether.
    receive() external payable {
        deposit();
    }

    /// @notice Wraps the sent ether.
    fallback() external payable {
        deposit();
    }

    /// @notice Wraps the sent ether.
    function deposit() public payable {
        balanceOf[msg.sender] += msg.value;
        emit Deposit(msg.sender, msg.value);
    }

    /// @notice Unwraps ether to the caller.
    function withdraw(uint256 wad) external {
        _spend(msg.sender, wad);
        emit Withdrawal(msg.sender, wad);
        (bool success,) = msg.sender.call{ value: wad }("");
        if (!success) revert TransferFailed();
    }

    /// @notice Tokens in existence: all ether held.
    function totalSupply() external view returns (uint256) {
        return address(this).balance;
    }

    /// @notice Lets `guy` move the caller's tokens.
    function approve(address guy, uint256 wad) external returns (bool) {
        allowance[msg.sender][guy] = wad;
        emit Approval(msg.sender, guy, wad);
        return true;
    }

    /// @notice Moves the caller's tokens.
    function transfer(address dst, uint256 wad) external returns (bool) {
        return transferFrom(msg.sender, dst, wad);
    }

    /// @notice Moves tokens within the caller's allowance; the largest allowance is never used up.
    function transferFrom(address src, address dst, uint256 wad) public returns (bool) {
        if (src != msg.sender && allowance[src][msg.sender] != type(uint256).max) {
            uint256 allowed = allowance[src][msg.sender];
            if (allowed < wad) revert InsufficientAllowance(allowed, wad);
            allowance[src][msg.sender] = allowed - wad;
        }
        _spend(src, wad);
        balanceOf[dst] += wad;
        emit Transfer(src, dst, wad);
        return true;
    }

    function _spend(address account, uint256 wad) internal {
        uint256 balance = balanceOf[account];
        if (balance < wad) revert InsufficientBalance(balance, wad);
        balanceOf[account] = balance - wad;
    }
}
