#include "worker/courier.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "worker/transfer.h"

enum { SIZE = 3000, PIECE = 1000 };

static struct courier under_way(void)
{
    return (struct courier){.pending = true,
                            .descriptor = open("/dev/null", O_RDONLY | O_CLOEXEC),
                            .digest = {1, 2, 3},
                            .size = SIZE,
                            .step = 7,
                            .due_ms = 90000};
}

static Wire__CheckpointAck ack_of(struct courier *courier, uint64_t next_offset)
{
    Wire__CheckpointAck ack = WIRE__CHECKPOINT_ACK__INIT;
    ack.file.data = courier->digest;
    ack.file.len = sizeof courier->digest;
    ack.next_offset = next_offset;
    return ack;
}

/* A piece that was sent twice is acknowledged twice, and the next one is sent once. */
static void a_second_answer_sends_nothing(void **state)
{
    (void)state;
    struct courier courier = under_way();
    Wire__CheckpointAck ack = ack_of(&courier, PIECE);
    assert_true(courier_take(&courier, &ack, 100));
    assert_int_equal(courier.offset, PIECE);
    assert_int_equal(courier.due_ms, 100);
    courier.due_ms = 5100; /* it was sent */
    assert_false(courier_take(&courier, &ack, 200));
    assert_int_equal(courier.offset, PIECE);
    assert_int_equal(courier.due_ms, 5100);
    courier_finish(&courier);
}

static void a_coordinator_that_has_less_gets_it_again(void **state)
{
    (void)state;
    struct courier courier = under_way();
    courier.offset = 2 * PIECE;
    Wire__CheckpointAck ack = ack_of(&courier, 0);
    assert_true(courier_take(&courier, &ack, 100));
    assert_int_equal(courier.offset, 0);
    assert_true(courier.pending);
    ack.stored = true;
    ack.next_offset = SIZE;
    assert_true(courier_take(&courier, &ack, 200));
    assert_true(courier_is_done(&courier, 7));
    assert_false(courier_take(&courier, &ack, 300));
}

static void a_refusal_ends_it(void **state)
{
    (void)state;
    struct courier courier = under_way();
    Wire__CheckpointAck ack = ack_of(&courier, 0);
    ack.refused = (char *)(uintptr_t) "no";
    assert_true(courier_take(&courier, &ack, 100));
    assert_false(courier.pending);
}

static void so_it_is_with_weights(void **state)
{
    (void)state;
    struct transfer transfer = {.pending = true, .digest = {4}, .size = SIZE};
    Wire__WeightsAck ack = WIRE__WEIGHTS_ACK__INIT;
    ack.digest.data = transfer.digest;
    ack.digest.len = sizeof transfer.digest;
    ack.next_offset = PIECE;
    assert_true(transfer_take(&transfer, &ack));
    assert_false(transfer_take(&transfer, &ack));
    assert_int_equal(transfer.offset, PIECE);
    ack.next_offset = 0;
    assert_true(transfer_take(&transfer, &ack));
    ack.stored = true;
    assert_true(transfer_take(&transfer, &ack));
    assert_false(transfer.pending);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_second_answer_sends_nothing),
        cmocka_unit_test(a_coordinator_that_has_less_gets_it_again),
        cmocka_unit_test(a_refusal_ends_it),
        cmocka_unit_test(so_it_is_with_weights),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
