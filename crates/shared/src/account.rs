//! An account is who is charged for blocks: a core, a tenant, a cache.
//!
//! The charge is always a block's whole capacity, once for each account that holds it, however many handles and views
//! it has. An account is shared by cloning, and every thread may use it. It ends when nobody has a handle of it and nothing
//! is charged to it; its number is then another's.

use core::fmt;

use crate::counts::around::Around;
use crate::counts::grant::AccountNumber;
use crate::heap::SharedHeap;
use crate::limit::{Full, Limit};
use crate::tags::UNTAGGED;

/// A handle to an account; clones name the same account.
///
/// ```
/// # let heap = levada_shared::SharedHeap::new(Default::default())?;
/// let tenant = heap.account("tenant", 8192)?;
/// let data = tenant.with_tag("reply").copy_from(b"held")?;
/// assert!(tenant.buf(9000).is_err()); //            more than it may have
/// assert_eq!(tenant.close(), 64); //                it takes nothing new, and still holds one block
/// assert_eq!(heap.quarantine()[0].tag, "reply"); // which the report names until it goes
/// drop(data);
/// assert!(heap.quarantine().is_empty());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Account {
    heap: SharedHeap,
    number: AccountNumber,
    tag: u32,
}

impl SharedHeap {
    /// Opens an account that may be charged up to `limit_bytes`; `u64::MAX` is no limit.
    ///
    /// # Errors
    /// [`Full`] when the heap has as many accounts as it can count (four million).
    pub fn account(&self, name: &str, limit_bytes: u64) -> Result<Account, Full<()>> {
        let heap = self.heap();
        let number = heap.accounts().open(name, limit_bytes, |left| heap.take_prepaid_back(left));
        let number = number.ok_or(Full { limit: Limit::Account, room_bytes: 0, value: () })?;
        Ok(Account { heap: self.clone(), number, tag: UNTAGGED })
    }

    /// The account of those who need no accounting: it has no limit, and is there from the beginning.
    #[must_use]
    pub fn default_account(&self) -> Account {
        let number = self.heap().default_account();
        self.heap().account(number).add_handle();
        Account { heap: self.clone(), number, tag: UNTAGGED }
    }
}

impl Account {
    /// The bytes charged now.
    #[must_use]
    pub fn charged_bytes(&self) -> u64 {
        self.heap.heap().charged_bytes(self.number)
    }

    /// The most bytes that may be charged.
    #[must_use]
    pub fn limit_bytes(&self) -> u64 {
        self.heap.heap().account(self.number).limit_bytes()
    }

    /// Sets the most bytes that may be charged from now on. What is above it stays charged until it goes. Nothing changes
    /// for an account that was closed.
    pub fn set_limit_bytes(&self, limit_bytes: u64) {
        self.heap.heap().set_account_limit(self.number, limit_bytes);
    }

    /// The name it was opened with.
    #[must_use]
    pub fn name(&self) -> String {
        self.heap.heap().account(self.number).name()
    }

    /// The heap whose account this is.
    #[must_use]
    pub fn heap(&self) -> &SharedHeap {
        &self.heap
    }

    /// The same account; what is allocated through this handle is named `tag` in reports.
    #[must_use]
    pub fn with_tag(&self, tag: &'static str) -> Self {
        let mut tagged = self.clone();
        tagged.tag = self.heap.heap().tags().number(tag);
        tagged
    }

    /// Ends the account: it takes nothing new from now on, through whatever handle. How much is still charged to it; that
    /// stays readable, and is listed in [`SharedHeap::quarantine`] until it has gone.
    #[expect(
        clippy::must_use_candidate,
        reason = "what is left is a report, the closing is the act"
    )]
    pub fn close(self) -> u64 {
        self.heap.heap().close_account(self.number);
        self.charged_bytes()
    }

    /// Whether both name the same account.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        self.number == other.number && self.heap.is_same(&other.heap)
    }

    pub(crate) fn number(&self) -> AccountNumber {
        self.number
    }

    pub(crate) fn tag(&self) -> u32 {
        self.tag
    }
}

impl Clone for Account {
    fn clone(&self) -> Self {
        self.heap.heap().account(self.number).add_handle();
        Self { heap: self.heap.clone(), number: self.number, tag: self.tag }
    }
}

impl Drop for Account {
    fn drop(&mut self) {
        self.heap.heap().accounts().drop_handle(self.number);
    }
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Account")
            .field("name", &self.name())
            .field("charged_bytes", &self.charged_bytes())
            .finish()
    }
}
