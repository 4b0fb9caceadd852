/* Opens: a network in which every count is an arc and every sum a node; what a hidden count may be raised by is a flow.
 */
#include "aggregator/suppress_tree.h"

#include <stdlib.h>

enum {
    OUTSIDE = 0, /* where modules' counts come from and go to: nothing printed adds them up */
};
#define NO_ARC      UINT32_MAX
#define FAR         UINT64_MAX
#define LAST_RESORT (UINT64_C(1) << 40) /* a row is hidden for everybody only where no cohort's will do */

/* A count. A cohort's flows from the sum above to the row; everybody's from the row to the sum above. */
struct arc {
    uint32_t from, to;
    uint32_t index, column; /* into the tree */
    bool direct;            /* opens on the row's own path: printed nowhere */
};

struct network {
    const struct suppress_tree *tree;
    uint32_t node_count, arc_count;
    struct arc *arcs;
    uint32_t *first, *incident; /* incident[first[node] .. first[node + 1]): arcs at a node */
    uint32_t *base;             /* of a row: its first node */
    uint64_t *opens, *flow;     /* of arcs: as they are, and while one count is being raised */
    /* search */
    uint64_t *distance;        /* of nodes that this search has reached */
    uint64_t search, *reached; /* the number of this search, and of the last one that reached a node */
    uint32_t *via, *queue;
    bool *queued;
};

static bool is_leaf(const struct suppress_tree *tree, uint32_t index)
{
    return suppress_tree_level(tree, index) == tree->level;
}

/* A row of the deepest level is one node; another has one for each column (its sum over the rows below) and one for its
 * direct opens. */
static uint32_t place_nodes(struct network *net)
{
    uint32_t next = OUTSIDE + 1;
    for (uint32_t i = 0; i < net->tree->count; i++) {
        net->base[i] = next;
        next += is_leaf(net->tree, i) ? 1 : net->tree->table->column_count + 1;
    }
    return next;
}

static uint32_t node_of(const struct network *net, uint32_t index, uint32_t column)
{
    return net->base[index] + (is_leaf(net->tree, index) ? 0 : column);
}

static uint32_t node_above(const struct network *net, uint32_t index, uint32_t column)
{
    uint32_t parent = net->tree->parents[index];
    return parent == SUPPRESS_NO_PARENT ? OUTSIDE : node_of(net, parent, column);
}

static void add_arc(struct network *net, uint32_t index, uint32_t column, bool direct, uint64_t opens)
{
    uint32_t columns = net->tree->table->column_count;
    uint32_t up = direct ? node_of(net, index, column) : node_above(net, index, column);
    uint32_t down = direct ? net->base[index] + columns : node_of(net, index, column);
    bool everybody = column == SUPPRESS_EVERYBODY;
    net->opens[net->arc_count] = opens;
    net->arcs[net->arc_count++] = (struct arc){everybody ? down : up, everybody ? up : down, index, column, direct};
}

static uint64_t direct_opens(const struct suppress_tree *tree, uint32_t index, uint32_t column)
{
    uint64_t left = suppress_tree_cell(tree, index, column)->opens;
    for (uint32_t i = 0; i < tree->child_count[index]; i++)
        left -= suppress_tree_cell(tree, tree->first_child[index] + i, column)->opens;
    return left;
}

static void add_arcs(struct network *net)
{
    const struct suppress_tree *tree = net->tree;
    for (uint32_t i = 0; i < tree->count; i++) {
        for (uint32_t c = 0; c < tree->table->column_count; c++) {
            uint32_t column = tree->columns[c];
            add_arc(net, i, column, false, suppress_tree_cell(tree, i, column)->opens);
            if (!is_leaf(tree, i))
                add_arc(net, i, column, true, direct_opens(tree, i, column));
        }
    }
}

static void index_arcs(struct network *net)
{
    net->first = mem_new(net->node_count + 1, sizeof *net->first);
    net->incident = mem_new((size_t)net->arc_count * 2, sizeof *net->incident);
    for (uint32_t a = 0; a < net->arc_count; a++) {
        net->first[net->arcs[a].from]++;
        net->first[net->arcs[a].to]++;
    }
    for (uint32_t node = 0, sum = 0; node <= net->node_count; node++) {
        sum += net->first[node];
        net->first[node] = sum;
    }
    for (uint32_t a = net->arc_count; a-- > 0;) {
        net->incident[--net->first[net->arcs[a].from]] = a;
        net->incident[--net->first[net->arcs[a].to]] = a;
    }
}

static void network_open(struct network *net, const struct suppress_tree *tree)
{
    *net = (struct network){.tree = tree};
    net->base = mem_new(tree->count, sizeof *net->base);
    net->node_count = place_nodes(net);
    size_t most_arcs = (size_t)tree->count * tree->table->column_count * 2;
    net->arcs = mem_new(most_arcs, sizeof *net->arcs);
    net->opens = mem_new(most_arcs, sizeof *net->opens);
    add_arcs(net);
    index_arcs(net);
    net->flow = mem_new(net->arc_count, sizeof *net->flow);
    net->distance = mem_new(net->node_count, sizeof *net->distance);
    net->reached = mem_new(net->node_count, sizeof *net->reached);
    net->via = mem_new(net->node_count, sizeof *net->via);
    net->queue = mem_new(net->node_count, sizeof *net->queue);
    net->queued = mem_new(net->node_count, sizeof *net->queued);
}

static void network_close(struct network *net)
{
    free(net->base);
    free(net->arcs);
    free(net->first);
    free(net->incident);
    free(net->opens);
    free(net->flow);
    free(net->distance);
    free(net->reached);
    free(net->via);
    free(net->queue);
    free(net->queued);
}

static const struct suppress_cell *cell_of(const struct network *net, const struct arc *arc)
{
    return suppress_tree_cell(net->tree, arc->index, arc->column);
}

static bool is_free(const struct network *net, const struct arc *arc)
{
    return arc->direct || (cell_of(net, arc)->hidden & HIDDEN_OPENS);
}

static uint64_t cost_of_hiding(const struct network *net, const struct arc *arc)
{
    uint64_t learners = arc->direct ? 0 : cell_of(net, arc)->learners;
    if (!is_leaf(net->tree, arc->index) || learners == 0)
        return FAR;
    return learners + (arc->column == SUPPRESS_EVERYBODY ? LAST_RESORT : 0);
}

/* By how much it may be lowered. A row that shows all but its opens is known to have at least one. */
static uint64_t slack_of(const struct network *net, uint32_t a)
{
    const struct arc *arc = &net->arcs[a];
    uint8_t hidden = arc->direct ? 0 : cell_of(net, arc)->hidden;
    uint64_t least = (hidden & HIDDEN_OPENS) && !(hidden & HIDDEN_ROW);
    return net->flow[a] > least ? net->flow[a] - least : 0;
}

/* What it costs to let this count move up or down: nothing where it can already, else the learners whose row would go.
 */
static uint64_t cost_of(const struct network *net, uint32_t a, bool down)
{
    const struct arc *arc = &net->arcs[a];
    if (down && net->flow[a] == 0)
        return FAR;
    if (is_free(net, arc) && (!down || slack_of(net, a) > 0))
        return 0;
    return cost_of_hiding(net, arc);
}

static uint64_t distance_of(const struct network *net, uint32_t node)
{
    return net->reached[node] == net->search ? net->distance[node] : FAR;
}

/* A shorter way to this node, over this arc? Then it waits in the queue. */
static bool reach(struct network *net, uint32_t node, uint64_t distance, uint32_t a)
{
    if (distance >= distance_of(net, node))
        return false;
    net->reached[node] = net->search;
    net->distance[node] = distance;
    net->via[node] = a;
    bool waits = !net->queued[node];
    net->queued[node] = true;
    return waits;
}

/* Cheapest way by which flow can get from one node to another past the arc that is being raised (a shortest path with a
 * queue; raising an arc follows it, lowering goes against it). may_hide false: over hidden counts only, which cost
 * nothing, so that the first way is as good as any. */
static bool find_path(struct network *net, uint32_t raised, bool may_hide)
{
    uint32_t start = net->arcs[raised].to, end = net->arcs[raised].from, head = 0, waiting = 1;
    memset(net->queued, 0, net->node_count * sizeof *net->queued);
    net->search++;
    (void)reach(net, start, 0, raised);
    net->queue[0] = start;
    while (waiting > 0 && distance_of(net, end) > 0) {
        uint32_t node = net->queue[head];
        head = (head + 1) % net->node_count;
        waiting--;
        net->queued[node] = false;
        for (uint32_t i = net->first[node]; i < net->first[node + 1]; i++) {
            uint32_t a = net->incident[i];
            uint64_t cost = a == raised ? FAR : cost_of(net, a, net->arcs[a].to == node);
            if (cost == FAR || (cost > 0 && !may_hide))
                continue;
            uint32_t other = net->arcs[a].from == node ? net->arcs[a].to : net->arcs[a].from;
            if (reach(net, other, net->distance[node] + cost, a))
                net->queue[(head + waiting++) % net->node_count] = other;
        }
    }
    return distance_of(net, end) != FAR;
}

static uint32_t node_before(const struct network *net, uint32_t node)
{
    const struct arc *arc = &net->arcs[net->via[node]];
    return arc->from == node ? arc->to : arc->from;
}

/* Walks the path back, first to hide what is printed on it, then for its narrowest place, then to move the flow. */
static uint64_t push_path(struct network *net, uint32_t raised, uint64_t wanted, bool *hid)
{
    uint32_t start = net->arcs[raised].to, end = net->arcs[raised].from;
    uint64_t amount = wanted;
    for (uint32_t node = end; node != start; node = node_before(net, node)) {
        const struct arc *arc = &net->arcs[net->via[node]];
        if (cost_of(net, net->via[node], arc->from == node) == 0)
            continue;
        suppress_tree_hide(net->tree, arc->index, arc->column);
        *hid = true;
    }
    for (uint32_t node = end; node != start; node = node_before(net, node)) {
        uint32_t a = net->via[node];
        if (net->arcs[a].from == node && slack_of(net, a) < amount)
            amount = slack_of(net, a);
    }
    for (uint32_t node = end; node != start; node = node_before(net, node)) {
        uint32_t a = net->via[node];
        net->flow[a] += net->arcs[a].to == node ? amount : -amount;
    }
    return amount;
}

/* Raises one hidden count to k, hiding what that takes; gives up where nothing of this level can help. */
static bool protect(struct network *net, uint32_t raised)
{
    bool hid = false;
    uint64_t needed = net->tree->table->k - net->opens[raised];
    memcpy(net->flow, net->opens, net->arc_count * sizeof *net->flow);
    while (needed > 0 && (find_path(net, raised, false) || find_path(net, raised, true)))
        needed -= push_path(net, raised, needed, &hid);
    return hid;
}

static bool needs_protection(const struct network *net, uint32_t a)
{
    const struct arc *arc = &net->arcs[a];
    if (arc->direct || !(cell_of(net, arc)->hidden & HIDDEN_OPENS) || net->opens[a] >= net->tree->table->k)
        return false;
    return net->opens[a] > 0 || suppress_tree_cell(net->tree, arc->index, SUPPRESS_EVERYBODY)->opens > 0;
}

bool suppress_opens(const struct suppress_tree *tree)
{
    struct network net;
    network_open(&net, tree);
    bool hid = false;
    for (uint32_t a = 0; a < net.arc_count; a++)
        if (needs_protection(&net, a))
            hid |= protect(&net, a);
    network_close(&net);
    return hid;
}
