//! Rounds: every entrant of a case is measured once in each, one after the other, while the others rest.
//!
//! Entrants get ready once and stay; only the load moves (A B C, B C A, C A B, …): what a round measures is then a server
//! that has settled, and who is first in a round is another each time. Resting must cost nothing, which is looked at.

use crate::frame::comparison::{Case, Contender, Entrant, Side};
use crate::frame::fault::Fault;
use crate::frame::progress::Progress;
use crate::frame::sample::Sample;
use crate::machine::clock::now_ns;

/// A rester may use so much of its core: it wakes for a clock, nothing else.
const REST_SHARE_MAX: f64 = 0.01;

/// What the rounds found out about one entrant.
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) side: Side,
    /// One for each round; all of them, or none.
    pub(crate) samples: Vec<Sample>,
    /// Why there are none.
    pub(crate) fault: Option<Fault>,
    /// What it used of its core while others were measured, if that is more than it should.
    pub(crate) rest_share: Option<f64>,
}

/// An entrant on the field.
struct Runner {
    row: Row,
    contender: Option<Box<dyn Contender>>,
    rest_cpu_ns: u64,
    rest_ns: u64,
}

impl Runner {
    /// Takes the contender from the field: its figures are refused.
    fn refuse(&mut self, fault: Fault) {
        self.contender = None;
        self.row.samples.clear();
        self.row.fault = Some(fault);
    }

    fn cpu_ns(&self) -> Result<u64, Fault> {
        let contender = self.contender.as_ref().map(|contender| contender.cpu_ns());
        Ok(contender.transpose()?.flatten().unwrap_or_default())
    }
}

/// Measures all entrants of a case.
/// # Errors
/// Only [`Fault::Stopped`]: any other belongs to its entrant.
pub(crate) fn run(case: Case, progress: &Progress) -> Result<Vec<Row>, Fault> {
    let round_count = case.round_count;
    let mut runners = Vec::new();
    for entrant in case.entrants {
        progress.say(&format!("{}: starting", entrant.name));
        runners.push(get_ready(entrant)?);
    }
    for round_index in 0..round_count {
        for turn in 0..runners.len() {
            let index = (turn + round_index) % runners.len();
            let begun_ns = now_ns();
            let before: Vec<_> = runners.iter().map(Runner::cpu_ns).collect();
            let name = runners[index].row.name.clone();
            progress.say(&format!("{name}: round {} of {round_count}", round_index + 1));
            measure(&mut runners[index])?;
            progress.step();
            for (other, before) in runners.iter_mut().zip(before).enumerate() {
                let (runner, before) = before;
                if other == index {
                    continue;
                }
                runner.rest_ns += now_ns() - begun_ns;
                if let (Ok(before_ns), Ok(after_ns)) = (before, runner.cpu_ns()) {
                    runner.rest_cpu_ns += after_ns.saturating_sub(before_ns);
                }
            }
        }
    }
    Ok(runners.into_iter().map(finish).collect())
}

fn get_ready(entrant: Entrant) -> Result<Runner, Fault> {
    let row = Row {
        name: entrant.name,
        side: entrant.side,
        samples: Vec::new(),
        fault: None,
        rest_share: None,
    };
    let mut runner = Runner { row, contender: None, rest_cpu_ns: 0, rest_ns: 0 };
    match (entrant.get_ready)() {
        Ok(contender) => runner.contender = Some(contender),
        Err(Fault::Stopped) => return Err(Fault::Stopped),
        Err(fault) => runner.refuse(fault),
    }
    Ok(runner)
}

fn measure(runner: &mut Runner) -> Result<(), Fault> {
    let Some(contender) = &mut runner.contender else { return Ok(()) };
    match contender.measure() {
        Ok(sample) => runner.row.samples.push(sample),
        Err(Fault::Stopped) => return Err(Fault::Stopped),
        Err(fault) => runner.refuse(fault),
    }
    Ok(())
}

fn finish(runner: Runner) -> Row {
    let share = runner.rest_cpu_ns as f64 / runner.rest_ns.max(1) as f64;
    Row { rest_share: (share > REST_SHARE_MAX).then_some(share), ..runner.row }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::rc::Rc;

    use super::*;

    type Order = Rc<RefCell<Vec<char>>>;

    struct Played {
        name: char,
        order: Order,
        fails_at: Option<usize>,
        measured_count: usize,
    }

    impl Contender for Played {
        fn measure(&mut self) -> Result<Sample, Fault> {
            self.order.borrow_mut().push(self.name);
            self.measured_count += 1;
            if self.fails_at == Some(self.measured_count) {
                return Err(Fault::Wrong("a wrong byte".to_owned()));
            }
            Ok(Sample {
                cost: 1.0,
                client_cost: None,
                rate_per_s: Some(1.0),
                busy_share: None,
                latency_ns: None,
                others: Vec::new(),
            })
        }

        fn cpu_ns(&self) -> Result<Option<u64>, Fault> {
            Ok(None)
        }
    }

    fn entrant(name: char, order: &Order, fails_at: Option<usize>) -> Entrant {
        let order = Rc::clone(order);
        let get_ready = move || -> Result<Box<dyn Contender>, Fault> {
            Ok(Box::new(Played { name, order, fails_at, measured_count: 0 }))
        };
        Entrant { name: name.into(), side: Side::Ours, get_ready: Box::new(get_ready) }
    }

    fn absent(name: char) -> Entrant {
        let get_ready = || Err(Fault::Absent("not here".to_owned()));
        Entrant { name: name.into(), side: Side::Ours, get_ready: Box::new(get_ready) }
    }

    fn play(entrants: Vec<Entrant>) -> Vec<Row> {
        let (panel, point) = (String::new(), String::new());
        let case = Case { panel, point, entrants, round_count: 3, bars: Vec::new() };
        run(case, &Progress::none()).unwrap()
    }

    #[test]
    fn each_is_measured_once_a_round_and_another_is_first_each_time() {
        let order = Order::default();
        let rows = play("abc".chars().map(|name| entrant(name, &order, None)).collect());
        assert_eq!(order.borrow().iter().collect::<String>(), "abcbcacab");
        assert!(rows.iter().all(|row| row.samples.len() == 3 && row.fault.is_none()));
    }

    #[test]
    fn one_wrong_answer_costs_all_figures_and_is_told() {
        let order = Order::default();
        let rows = play(vec![entrant('a', &order, Some(2)), entrant('b', &order, None)]);
        assert!(rows[0].samples.is_empty());
        assert_eq!(rows[0].fault.as_ref().unwrap().to_string(), "a wrong byte");
        assert_eq!(rows[1].samples.len(), 3);
        assert_eq!(order.borrow().iter().filter(|name| **name == 'a').count(), 2);
    }

    #[test]
    fn one_who_does_not_come_is_told_and_the_others_go_on() {
        let order = Order::default();
        let rows = play(vec![absent('a'), entrant('b', &order, None)]);
        assert_eq!(rows[0].fault.as_ref().unwrap().to_string(), "not here");
        assert_eq!(rows[1].samples.len(), 3);
    }
}
