/* Where the disk is full there is no transaction: what comes then leaves none open. */
#include "tests/unit/coordinator_harness.h"

#define SWEEP                                                                                      \
    "name: a\ndataset: glyphs\nmodel: mnist-cnn\ntrain: {epochs: 1, batch: 100, lr: 0.05}\n"       \
    "grid: {k: [0.1]}\nloss: {lambda: 1, sigma: 0.1}\nbaseline: false\nseeds: 1\n"                 \
    "test: {sigma: [0, 0.4], seed: 1}\n"

/* As the loop does it: a transaction begins when something is to be stored. */
static void turn(const Wire__Envelope *envelope)
{
    if (harness.dispatch.room.state != ROOM_NONE)
        store_begin_later(&harness.store);
    harness_put(1, envelope);
    if (harness.dispatch.room.state != ROOM_NONE)
        harness_commit();
    else
        harness_flush();
}

static void a_result_is_acknowledged_when_it_is_committed(void **state)
{
    (void)state;
    struct made_result made;
    Wire__Envelope envelope = WIRE__ENVELOPE__INIT;
    harness_submit(SWEEP);
    Wire__Lease *lease = harness_lease(1, 1);
    assert_non_null(lease);
    harness_make_result(&made, lease, WIRE__OUTCOME__OUTCOME_DONE);
    envelope.body_case = WIRE__ENVELOPE__BODY_RESULT;
    envelope.result = &made.result;
    harness.dispatch.room.state = ROOM_NONE;
    turn(&envelope);
    turn(&envelope);
    assert_null(TAKE(1, RESULT_ACK));
    harness.dispatch.room.state = ROOM_ENOUGH;
    turn(&envelope);
    Wire__Envelope *ack = TAKE(1, RESULT_ACK);
    assert_true(ack && ack->result_ack->accepted);
    harness_expect(STATE(1), "done"); /* another connection sees it */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_result_is_acknowledged_when_it_is_committed,
                                        harness_setup, harness_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
