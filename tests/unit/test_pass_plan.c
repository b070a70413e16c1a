/* Where a pass's buffers lie: nothing that is needed at the same time may overlap. The numbers that
 * come out of shared memory are checked by test_gradient and test_reference. */
#include "worker/lifetime.h"
#include "worker/pass.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

static void buffers_share_memory_only_at_different_times(void **state)
{
    (void)state;
    struct lifetime items[60];
    uint32_t random = 1;
    for (size_t i = 0; i < 60; i++) {
        random = random * 1664525 + 1013904223;
        size_t start = random >> 24;
        items[i] = (struct lifetime){
            .start = start, .end = start + (random >> 16) % 64, .size = (random >> 8) % 100};
    }
    size_t total = lifetimes_place(items, 60), sum = 0;
    for (size_t i = 0; i < 60; i++) {
        sum += items[i].size;
        assert_true(items[i].offset + items[i].size <= total);
        for (size_t j = 0; j < i; j++) {
            const struct lifetime *a = &items[i], *b = &items[j];
            bool meet = a->start <= b->end && b->start <= a->end;
            bool overlap = a->offset < b->offset + b->size && b->offset < a->offset + a->size;
            assert_false(meet && overlap);
        }
    }
    assert_true(total < sum / 2);
}

static void disjoint_times_need_the_largest_buffer(void **state)
{
    (void)state;
    struct lifetime items[] = {{.start = 0, .end = 1, .size = 10},
                               {.start = 2, .end = 3, .size = 30},
                               {.start = 4, .end = 9, .size = 20},
                               {.start = 0, .end = 9, .size = 0}};
    assert_int_equal(lifetimes_place(items, 4), 30);
    items[3].size = 5;
    assert_int_equal(lifetimes_place(items, 4), 35);
}

static size_t pool_bytes(const char *name, size_t side, size_t images, bool trains, bool turns)
{
    static struct network network;
    static struct pass_plan plan;
    assert_true(
        network_init(&network, name, SHORTCUT_A, (struct image_shape){3, side, side}, 10, NULL));
    pass_plan_init(&plan, &network, images, trains, turns);
    return plan.pool * sizeof(real);
}

/* Batches of 128 with their perturbed copies. */
static void the_papers_networks_fit(void **state)
{
    (void)state;
    const size_t mib = 1024 * 1024;
    assert_in_range(pool_bytes("resnet20", 32, 256, true, false), 250 * mib, 500 * mib);
    assert_in_range(pool_bytes("preresnet20", 32, 256, true, false), 150 * mib, 400 * mib);
    assert_true(pool_bytes("preresnet32", 96, 256, true, false) < 5120 * mib);
    assert_true(pool_bytes("resnet20", 32, 100, false, false) < 8 * mib);
}

/* The second copy's gradients may lie where its activations were, and the first copy's where the
 * second's were. */
static void turns_need_no_more_memory(void **state)
{
    (void)state;
    static const char *const names[] = {"resnet20", "preresnet20"};
    for (size_t i = 0; i < 2; i++) {
        assert_true(pool_bytes(names[i], 32, 256, true, true) <=
                    pool_bytes(names[i], 32, 256, true, false));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(buffers_share_memory_only_at_different_times),
        cmocka_unit_test(disjoint_times_need_the_largest_buffer),
        cmocka_unit_test(the_papers_networks_fit),
        cmocka_unit_test(turns_need_no_more_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
