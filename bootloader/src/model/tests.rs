use super::*;

const WORD: u32 = 0x1_0000;

fn read(flash: &mut FlashModel) -> Result<[u8; 8], FlashError> {
    let mut bytes = [0; 8];
    flash.read(WORD, &mut bytes).map(|()| bytes)
}

#[test]
fn a_word_is_written_once_except_with_zeros() {
    // fault:P6
    let mut flash = FlashModel::erased();
    flash.write(WORD, &[0xFF; 8]).unwrap();
    assert_eq!(flash.write(WORD, &[1; 8]), Err(FlashError::NotErased { offset: WORD }));
    flash.write(WORD, &[0; 8]).unwrap();
    assert_eq!(read(&mut flash), Ok([0; 8]));
}

#[test]
fn a_poisoned_word_faults_until_its_page_is_erased() {
    let mut flash = FlashModel::erased();
    flash.poison(WORD);
    assert_eq!(read(&mut flash), Err(FlashError::Poisoned { offset: WORD }));
    let mut neighbour = [0; 3];
    flash.read(WORD + 9, &mut neighbour).unwrap();
    flash.erase(WORD, WORD + PAGE_SIZE).unwrap();
    assert_eq!(read(&mut flash), Ok([0xFF; 8]));
}

#[test]
fn a_stuck_page_says_so() {
    // fault:P7
    let mut flash = FlashModel::erased();
    flash.write(WORD, &[1; 8]).unwrap();
    flash.make_stuck(WORD);
    assert_eq!(flash.erase(WORD, WORD + PAGE_SIZE), Err(FlashError::EraseDidNothing { offset: WORD }));
}

#[test]
fn nothing_works_after_the_cut_until_power_is_back() {
    let mut flash = FlashModel::erased();
    flash.plan_cut(1, Tear::Poison(0));
    assert_eq!(flash.write(WORD, &[1; 24]), Err(FlashModel::POWER_LOST));
    assert_eq!(read(&mut flash), Err(FlashModel::POWER_LOST));
    flash.power_on();
    assert_eq!(read(&mut flash), Ok([1; 8]));
    let mut rest = [0; 8];
    assert_eq!(flash.read(WORD + 8, &mut rest), Err(FlashError::Poisoned { offset: WORD + 8 }));
    flash.read(WORD + 16, &mut rest).unwrap();
    assert_eq!(rest, [0xFF; 8]);
}

#[test]
fn an_unstable_word_does_not_read_the_same_twice() {
    let mut flash = FlashModel::erased();
    flash.plan_cut(0, Tear::Unstable(0));
    let _ = flash.write(WORD, &[0; 8]);
    flash.power_on();
    let seen: BTreeSet<_> = (0..64).map(|_| read(&mut flash).unwrap()).collect();
    assert!(seen.len() > 8 && seen.contains(&[0; 8]) && seen.contains(&[0xFF; 8]));
}

#[test]
fn zeros_go_over_a_torn_word_and_can_be_torn_there() {
    // fault:P6: the chip's one exception.
    let mut flash = FlashModel::erased();
    flash.poison(WORD);
    flash.write(WORD, &[0; 8]).unwrap();
    assert_eq!(read(&mut flash), Ok([0; 8]));
    flash.place(WORD, &[0xF0; 8]);
    flash.plan_cut(0, Tear::Half(0));
    assert_eq!(flash.write(WORD, &[0; 8]), Err(FlashModel::POWER_LOST));
    flash.power_on();
    assert_eq!(read(&mut flash), Ok([0xF0, 0xF0, 0xF0, 0xF0, 0, 0, 0, 0]));
    assert_eq!(flash.lost_in(), Some(WORD));
}

#[test]
fn a_weak_word_reads_well_for_as_many_power_ons_as_its_seed_says() {
    // fault:P4
    for holds in 0..=u64::from(Tear::LONGEST) {
        let mut flash = FlashModel::erased();
        flash.plan_cut(0, Tear::Weak(holds));
        let _ = flash.write(WORD, &[2; 8]);
        for _ in 0..holds {
            flash.power_on();
            assert_eq!(read(&mut flash), Ok([2; 8]));
            assert!(flash.may_decay());
        }
        flash.power_on();
        assert_ne!(read(&mut flash), Ok([2; 8]));
        assert!(!flash.may_decay());
    }
}

#[test]
fn a_weakly_erased_word_is_lost_at_the_second_power_loss() {
    let mut flash = FlashModel::erased();
    flash.write(WORD, &[7; 8]).unwrap();
    flash.plan_cut(0, Tear::Weak(0));
    let _ = flash.erase(WORD, WORD + PAGE_SIZE);
    flash.is_off = false;
    assert_eq!(read(&mut flash), Ok([0xFF; 8]));
    flash.write(WORD, &[2; 8]).unwrap();
    assert_eq!(read(&mut flash), Ok([2; 8]));
    flash.power_on();
    assert_ne!(read(&mut flash), Ok([2; 8]));
}
