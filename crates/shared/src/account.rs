//! An account is who is charged for blocks: a core, a tenant, a cache.
//!
//! The charge is always a block's whole capacity, once for each account that holds it, however many handles and views
//! it has. An account is shared by cloning, and every thread may use it.

use core::fmt;

use crate::counts::grant::AccountNumber;
use crate::heap::SharedHeap;
use crate::limit::{Full, Limit};

/// A handle to an account; clones name the same account.
#[derive(Clone)]
pub struct Account {
    heap: SharedHeap,
    number: AccountNumber,
}

impl SharedHeap {
    /// Opens an account that may be charged up to `limit_bytes`; `u64::MAX` is no limit.
    ///
    /// # Errors
    /// [`Full`] when the heap has as many accounts as it can count (four million).
    pub fn account(&self, name: &str, limit_bytes: u64) -> Result<Account, Full<()>> {
        let number = self.heap().open_account(name, limit_bytes);
        let number = number.ok_or(Full { limit: Limit::Account, room_bytes: 0, value: () })?;
        Ok(Account { heap: self.clone(), number })
    }
}

impl Account {
    /// The bytes charged now.
    #[must_use]
    pub fn charged_bytes(&self) -> u64 {
        self.heap.heap().account(self.number).charged_bytes()
    }

    /// The most bytes that may be charged.
    #[must_use]
    pub fn limit_bytes(&self) -> u64 {
        self.heap.heap().account(self.number).limit_bytes()
    }

    /// The name it was opened with.
    #[must_use]
    pub fn name(&self) -> &str {
        self.heap.heap().account(self.number).name()
    }

    /// The heap whose account this is.
    #[must_use]
    pub fn heap(&self) -> &SharedHeap {
        &self.heap
    }

    pub(crate) fn number(&self) -> AccountNumber {
        self.number
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
