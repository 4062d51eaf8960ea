/* random.h -- random programs, each callback compared with a model of the manual.
 *
 * A program's callbacks queue tasks, make, stop and restart timers, open and close handles, all at
 * random. The model is a turn in its shortest form, arrays and loops; it says what must be called
 * next, and that is what must be called: in every host. */
#ifndef ORDER_RANDOM_H
#define ORDER_RANDOM_H

#define THINGS 20000

enum kind { MICRO, POST, MACRO, CLOSE, TIMER };

/* What can be called. A handle is called when it is gone. */
struct thing {
	enum kind kind;
	bool alive; /* a timer that will fire, a handle that is open */
	bool repeats;
	uint64_t span, deadline, order;
	ouro_timer timer;
	ouro_io *io;
};

struct line {
	struct thing *at[THINGS];
	int head, tail;
};

static struct program {
	ouro_loop *loop;
	struct tube tube;
	struct thing thing[THINGS];
	struct line line[TIMER]; /* one for each kind but timers */
	int made, calls, operations_left;
	uint32_t seed;
	uint64_t clock, orders;

	enum kind phase;  /* MICRO: between two turns */
	int left, macros; /* of the line of this phase; of the macro tasks of this turn */
	uint64_t phase_clock, phase_orders;
} program;

/* ---- the model ---- */

static struct thing *line_shift(enum kind kind)
{
	struct line *line = &program.line[kind];

	return line->at[line->head++];
}

static int line_length(enum kind kind)
{
	return program.line[kind].tail - program.line[kind].head;
}

static struct thing *earliest_timer(uint64_t clock, uint64_t orders)
{
	struct thing *best = NULL;

	for (int i = 0; i < program.made; i++) {
		struct thing *t = &program.thing[i];

		if (t->kind != TIMER || !t->alive || t->deadline > clock || t->order > orders)
			continue;
		if (!best || t->deadline < best->deadline ||
		    (t->deadline == best->deadline && t->order < best->order))
			best = t;
	}
	return best;
}

static void begin_turn(void)
{
	struct thing *first = earliest_timer(UINT64_MAX, UINT64_MAX);
	bool is_busy = line_length(POST) || line_length(MACRO) || line_length(CLOSE);

	if (!is_busy && first && first->deadline > program.clock)
		program.clock = first->deadline;
}

/* Posts and macro tasks are one phase: both are counted when it begins. */
static void begin_phase(enum kind phase)
{
	if (phase == MICRO)
		begin_turn();
	if (phase == POST)
		program.macros = line_length(MACRO);
	program.phase = phase;
	program.left = phase == TIMER ? 0 : phase == MACRO ? program.macros : line_length(phase);
	program.phase_clock = program.clock;
	program.phase_orders = program.orders;
}

static struct thing *next_of_phase(void)
{
	if (program.phase == TIMER)
		return earliest_timer(program.phase_clock, program.phase_orders);
	return program.left-- > 0 ? line_shift(program.phase) : NULL;
}

static struct thing *must_be_called(void)
{
	struct thing *next = line_length(MICRO) ? line_shift(MICRO) : next_of_phase();

	for (; !next; next = next_of_phase())
		begin_phase(program.phase == TIMER ? MICRO : (enum kind)(program.phase + 1));
	return next;
}

/* ---- the program ---- */

static void program_call(ouro_loop *loop, void *arg);
static void program_closed(void *arg);

static struct thing *thing_of(enum kind kind)
{
	struct thing *thing = &program.thing[program.made++];

	CHECK(program.made <= THINGS);
	*thing = (struct thing){ .kind = kind };
	return thing;
}

static void line_push(struct thing *thing)
{
	struct line *line = &program.line[thing->kind];

	CHECK(line->tail < THINGS);
	line->at[line->tail++] = thing;
}

static void queue(enum kind kind)
{
	static int (*const queues[])(ouro_loop *, ouro_task_fn *, void *) = {
		[MICRO] = ouro_loop_micro, [POST] = ouro_loop_post, [MACRO] = ouro_loop_macro
	};
	struct thing *thing = thing_of(kind);

	CHECK_EQ(queues[kind](program.loop, program_call, thing), 0);
	line_push(thing);
}

static void start_timer(struct thing *thing)
{
	thing->deadline = program.clock + thing->span;
	thing->order = ++program.orders;
}

static void make_timer(bool repeats)
{
	struct thing *thing = thing_of(TIMER);
	uint32_t ms = random_below(&program.seed, 6);

	thing->alive = true;
	thing->repeats = repeats;
	thing->span = ms * MS;
	thing->timer = repeats ? ouro_timer_every(program.loop, ms, program_call, thing)
			       : ouro_timer_after(program.loop, ms, program_call, thing);
	CHECK(thing->timer.id != 0);
	start_timer(thing);
}

static void open_handle(void)
{
	struct thing *thing = thing_of(CLOSE);

	thing->alive = true;
	thing->io = watch(program.loop, program.tube.out, OURO_READABLE, never, thing);
	ouro_io_on_close(thing->io, program_closed);
}

static void close_handle(struct thing *thing)
{
	thing->alive = false;
	ouro_io_close(thing->io);
	line_push(thing);
}

static void stop_timer(struct thing *thing)
{
	CHECK_EQ(ouro_timer_stop(program.loop, thing->timer), thing->alive);
	thing->alive = false;
}

/* One of the youngest, dead or alive. */
static struct thing *any_of(enum kind kind)
{
	for (int i = 1 + (int)random_below(&program.seed, 20); i <= program.made; i++)
		if (program.thing[program.made - i].kind == kind)
			return &program.thing[program.made - i];
	return NULL;
}

static void operate_on_a_timer(struct thing *thing)
{
	if (!thing || random_below(&program.seed, 3) == 0) {
		make_timer(random_below(&program.seed, 4) == 0);
	} else if (random_below(&program.seed, 2)) {
		stop_timer(thing);
	} else {
		CHECK_EQ(ouro_timer_again(program.loop, thing->timer), thing->alive);
		if (thing->alive)
			start_timer(thing);
	}
}

/* Only a timer takes time: how late a turn may be before a time-out is no longer believed is a rule
 * of its own, which turn.h tries. */
static void take_time(void)
{
	uint32_t ms = random_below(&program.seed, 4);

	if (program.phase != TIMER)
		return;
	CHECK_EQ(ouro_loop_advance(program.loop, ms), 0);
	program.clock += ms * MS;
}

static void operate(void)
{
	struct thing *handle = any_of(CLOSE);

	switch (random_below(&program.seed, 8)) {
	case 0:
		queue(MICRO);
		break;
	case 1:
		queue(POST);
		break;
	case 2:
		queue(MACRO);
		break;
	case 3:
		if (handle && handle->alive)
			close_handle(handle);
		else
			open_handle();
		break;
	case 4:
		take_time();
		break;
	default:
		operate_on_a_timer(any_of(TIMER));
	}
}

/* So that the loop can end. */
static void end_program(void)
{
	for (int i = 0; i < program.made; i++) {
		if (program.thing[i].alive && program.thing[i].kind == TIMER)
			stop_timer(&program.thing[i]);
		else if (program.thing[i].alive)
			close_handle(&program.thing[i]);
	}
}

static void go_on(struct thing *thing)
{
	CHECK(must_be_called() == thing);
	program.calls++;
	if (thing->kind == TIMER && thing->repeats)
		start_timer(thing);
	else
		thing->alive = false;
	if (program.operations_left == 0)
		return;
	for (uint32_t n = 1 + random_below(&program.seed, 3); n; n--)
		operate();
	if (--program.operations_left == 0)
		end_program();
}

static void program_call(ouro_loop *loop, void *arg)
{
	CHECK(loop == program.loop);
	go_on(arg);
}

static void program_closed(void *arg)
{
	go_on(arg);
}

static void run_program(uint32_t seed)
{
	memset(&program, 0, sizeof(program));
	program.seed = seed;
	program.operations_left = 2000;
	program.loop = new_loop();
	program.tube = tube_empty();
	program.clock = ouro_loop_now(program.loop);
	program.phase = TIMER;
	for (int i = 0; i < 5; i++)
		make_timer(true);
	drive(program.loop);
	CHECK_EQ(program.operations_left, 0);
	for (enum kind kind = MICRO; kind < TIMER; kind++)
		CHECK_EQ(line_length(kind), 0);
	CHECK(program.calls > 1000);
	CHECK(earliest_timer(UINT64_MAX, UINT64_MAX) == NULL);
	done(program.loop);
	tube_close(program.tube);
}

TEST(random_programs_run_as_the_model_says)
{
	for (uint32_t seed = 1; seed <= 8; seed++)
		run_program(seed * 2654435761u);
}
#endif
