//! The order in which entries go: marks in two queues, a memory of who has gone, and the rule by which one is chosen
//! (S3-FIFO: Yang, Zhang, Qiu, Yue, Vigfusson: FIFO queues are all you need for cache eviction, SOSP 2023).

pub(crate) mod ghost;
pub(crate) mod mark;
pub(crate) mod marks;
