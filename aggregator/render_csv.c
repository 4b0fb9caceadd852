#include "aggregator/render.h"

static bool is_formula(const char *text)
{
    return text[0] != '\0' && strchr("=+-@", text[0]);
}

static void put_text(FILE *out, const char *text)
{
    bool quoted = strpbrk(text, ",\"\r\n") != NULL;
    if (quoted)
        fputc('"', out);
    if (is_formula(text))
        fputc('\'', out);
    for (const char *c = text; *c; c++) {
        if (*c == '"')
            fputc('"', out);
        fputc(*c, out);
    }
    if (quoted)
        fputc('"', out);
}

/* 17 digits bring the number back exactly. */
static void put_value(FILE *out, enum figure figure, const struct visible_value *value)
{
    fputc(',', out);
    switch (value->state) {
    case VISIBLE_NONE:
        break;
    case VISIBLE_SHOWN:
        fprintf(out, figure_is_whole(figure) ? "%.0f" : "%.17g", value->value);
        break;
    case VISIBLE_AT_MOST:
        fprintf(out, "<=%.17g", value->value);
        break;
    case VISIBLE_AT_LEAST:
        fprintf(out, ">=%.17g", value->value);
        break;
    case VISIBLE_WITHHELD:
        fputs("withheld", out);
        break;
    }
}

static void put_header(FILE *out)
{
    fputs("content,title,program", out);
    for (enum figure figure = 0; figure < FIGURE_COUNT; figure++)
        fprintf(out, ",%s", figure_name(figure));
    for (enum figure figure = 0; figure < FIGURE_COUNT; figure++)
        if (figure_has_previous(figure))
            fprintf(out, ",previous_%s", figure_name(figure));
    fputs(",lost\r\n", out);
}

/* lost: of the whole period, for a file of rows has no other place (report.h). */
static void put_row(FILE *out, const struct report_row *row, uint64_t lost)
{
    put_text(out, row->row->content);
    fputc(',', out);
    put_text(out, row->row->title);
    fputc(',', out);
    put_text(out, row->row->program);
    for (enum figure figure = 0; figure < FIGURE_COUNT; figure++)
        put_value(out, figure, &row->now.value[figure]);
    for (enum figure figure = 0; figure < FIGURE_COUNT; figure++)
        if (figure_has_previous(figure))
            put_value(out, figure, &row->previous.value[figure]);
    fprintf(out, ",%llu\r\n", (unsigned long long)lost);
}

enum status render_csv(const struct report *report, FILE *out, struct error *error)
{
    put_header(out);
    for (uint32_t i = 0; i < report->row_count; i++)
        put_row(out, &report->rows[i], report->coverage.lost);
    if (fflush(out) || ferror(out))
        return error_errno(error, STATUS_IO, "writing the report");
    return STATUS_OK;
}
