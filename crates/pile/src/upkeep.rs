//! Upkeep lets time pass in a pile: lives end, empty memory goes back, and records that may move are moved.

pub(crate) mod beside;
pub(crate) mod budget;
pub(crate) mod clean;
pub(crate) mod cleaning;
pub(crate) mod due;
pub(crate) mod form;
pub(crate) mod keep;
pub(crate) mod keeper;
pub(crate) mod kept_room;
pub(crate) mod make_way;
pub(crate) mod sweep;
pub(crate) mod sweeps;
pub(crate) mod tend;
pub(crate) mod tender;
