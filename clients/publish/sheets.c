#include "clients/publish/sheets.h"

#include <stdlib.h>

static struct sheet *fresh(struct sheets *sheets)
{
    struct sheet *sheet = sheets->spare;
    if (sheet) {
        sheets->spare = sheet->next;
    } else {
        sheet = mem_new(1, sizeof *sheet);
        sheet->lines = mem_new(sheets->room, sizeof *sheet->lines);
    }
    sheet->seq = 0;
    sheet->count = 0;
    sheet->next = NULL;
    return sheet;
}

void sheets_start(struct sheets *sheets, uint32_t room)
{
    *sheets = (struct sheets){.room = room};
    sheets->open = fresh(sheets);
}

static void free_list(struct sheet *sheet)
{
    while (sheet) {
        struct sheet *next = sheet->next;
        free(sheet->lines);
        free(sheet);
        sheet = next;
    }
}

void sheets_free(struct sheets *sheets)
{
    free_list(sheets->open);
    free_list(sheets->first);
    free_list(sheets->spare);
    *sheets = (struct sheets){0};
}

void sheets_add(struct sheets *sheets, const struct input_row *row)
{
    struct sheet *sheet = sheets->open;
    ensure(sheet->count < sheets->room);
    sheet->lines[sheet->count++] = (struct tally_line){row->file, row->line};
    sheet->end = row->next;
}

void sheets_close(struct sheets *sheets, uint64_t seq)
{
    struct sheet *sheet = sheets->open;
    sheet->seq = seq;
    if (sheets->last)
        sheets->last->next = sheet;
    else
        sheets->first = sheet;
    sheets->last = sheet;
    sheets->open = fresh(sheets);
}

const struct sheet *sheets_find(const struct sheets *sheets, uint64_t seq)
{
    const struct sheet *sheet = sheets->first;
    while (sheet && sheet->seq != seq)
        sheet = sheet->next;
    return sheet;
}

void sheets_settle(struct sheets *sheets, uint64_t seq, struct input_place *place)
{
    while (sheets->first && sheets->first->seq <= seq) {
        struct sheet *sheet = sheets->first;
        *place = sheet->end;
        sheets->first = sheet->next;
        if (!sheets->first)
            sheets->last = NULL;
        sheet->next = sheets->spare;
        sheets->spare = sheet;
    }
}
